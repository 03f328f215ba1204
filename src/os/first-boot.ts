/**
 * What every family puts into the installed system: it runs the profile's commands for the first boot, then tells the
 * install servers, once, how its network came up. bond/report.ts reads what is sent.
 */
import type { FamilyInput, OverlayFile } from "./family.ts";
import { shellQuote } from "./quoting.ts";

const PROGRAM = "usr/local/lib/everboot/first-boot";
const UNIT = "everboot-first-boot.service";
/** Seconds in which LACP at its slow rate, and a switch port's spanning tree, have settled. */
const SETTLE_SECONDS = 100;
/** Seconds after which a server counts as silent. */
const ANSWER_SECONDS = 25;

export interface FirstBootOptions {
  readonly init?: "systemd" | "sysv";
  /** The family's own commands, before those of the profile: what the installer left to be done. */
  readonly own?: readonly string[];
}

/**
 * Files of the installed system, paths relative to its root. A unit of systemd, switched on by its link; for older
 * releases (`init: "sysv"`) an LSB init script that has to be switched on with `chkconfig everboot-first-boot on`.
 */
export function firstBootFiles(input: FamilyInput, { init, own }: FirstBootOptions = {}): readonly OverlayFile[] {
  const program = { path: PROGRAM, mode: 0o700, content: firstBootScript(input, own) };
  if (init === "sysv") return [program, { path: "etc/init.d/everboot-first-boot", mode: 0o755, content: INIT_SCRIPT }];
  return [program, { path: `etc/systemd/system/${UNIT}`, mode: 0o644, content: SYSTEMD_UNIT }];
}

/** Shell commands that switch it on, to be run in the installed system (chroot) once the files are there. */
export function enableFirstBoot(init: "systemd" | "sysv" = "systemd"): readonly string[] {
  if (init === "sysv") return ["chkconfig everboot-first-boot on"];
  const wants = "/etc/systemd/system/multi-user.target.wants";
  return [`mkdir -p ${wants}`, `ln -sf ../${UNIT} ${wants}/${UNIT}`];
}

/** It stays switched on until a server has taken the report, over restarts too, and removes itself then. */
const SYSTEMD_UNIT = `[Unit]
Description=First boot after the installation by Everboot
Wants=network-online.target
After=network-online.target
ConditionPathExists=/${PROGRAM}

[Service]
Type=simple
ExecStart=/${PROGRAM}
Restart=on-failure
RestartSec=30

[Install]
WantedBy=multi-user.target
`;

const INIT_SCRIPT = `#!/bin/sh
### BEGIN INIT INFO
# Provides: everboot-first-boot
# Required-Start: $network $remote_fs
# Required-Stop:
# Default-Start: 3 5
# Default-Stop:
# Short-Description: First boot after the installation by Everboot
### END INIT INFO
# chkconfig: 35 99 01
[ "$1" = start ] && [ -x /${PROGRAM} ] || exit 0
( until /${PROGRAM}; do sleep 30; done ) </dev/null >/dev/null 2>&1 &
`;

/**
 * For bash, which every family's base system has, because it can open TCP connections itself: a minimal system has
 * no other HTTP client. Commands of the profile run once, even if the report has to wait for a later boot.
 */
export function firstBootScript({ profile, servers }: FamilyInput, own: readonly string[] = []): string {
  const commands = profile.firstBoot.map(
    (command, index) =>
      `bash -c ${shellQuote(command)} || logger -t everboot "first-boot command ${index + 1} failed with exit code $?"`,
  );
  return `#!/bin/bash
PATH=/usr/sbin:/usr/bin:/sbin:/bin
work=/var/lib/everboot
mkdir -p $work
if [ ! -e $work/first-boot-ran ]; then
	touch $work/first-boot-ran
${[...own, ...commands].map((command) => `\t${command}\n`).join("")}\tsync
fi
section() { echo "== $1"; }
links_up() {
	for bond in /proc/net/bonding/*; do
		[ -e "$bond" ] || return 0
		grep -q 'MII Status: \\(down\\|going\\)' "$bond" && return 1
		grep -q 'Partner Mac Address: 00:00:00:00:00:00' "$bond" && return 1
		# LACP: in sync, collecting and distributing, at the slow or fast rate (IEEE 802.1AX, port states 61 and 63)
		grep 'port state: ' "$bond" | grep -qv ': 6[13]$' && return 1
	done
	return 0
}
for ((i = 0; i < ${SETTLE_SECONDS}; i++)); do links_up && break; sleep 1; done
report() {
	section release; cat /etc/os-release 2>/dev/null || cat /etc/*-release
	section kernel; uname -r
	for bond in /proc/net/bonding/*; do
		[ -e "$bond" ] || continue
		section "bond \${bond##*/}"; cat "$bond"
	done
	section links; ip -o link
	section addresses; ip -o addr
	section routes; ip route
	section end
}
report >$work/report
# send HOST PORT PATH
send() {
	exec 3<>"/dev/tcp/$1/$2" || return 1
	printf 'POST %s HTTP/1.1\\r\\nHost: %s:%s\\r\\nContent-Type: text/plain\\r\\nContent-Length: %s\\r\\nConnection: close\\r\\n\\r\\n' \\
		"$3" "$1" "$2" "$(wc -c <$work/report)" >&3
	cat $work/report >&3
	read -r -t 20 _ status _ <&3
	exec 3>&-
	[ "$status" = 200 ] || [ "$status" = 403 ]
}
# A server that is silent would hold bash for two minutes.
try() {
	(send "$@") 2>/dev/null &
	for ((seconds = 0; seconds < ${ANSWER_SECONDS}; seconds++)); do
		kill -0 $! 2>/dev/null || break
		sleep 1
	done
	kill $! 2>/dev/null
	wait $! 2>/dev/null
}
for ((i = 0; i < 60; i++)); do
	for server in ${servers.map(serverWord).join(" ")}; do
		IFS=, read -r host port path <<<"$server"
		if try "$host" "$port" "$path"; then
			rm -f /${PROGRAM} /etc/systemd/system/${UNIT} /etc/systemd/system/multi-user.target.wants/${UNIT}
			exit 0
		fi
	done
	sleep 5
done
exit 1
`;
}

function serverWord({ report }: FamilyInput["servers"][number]): string {
  const { hostname, port, pathname } = new URL(`${report}/first-boot`);
  return `${hostname},${port || "80"},${pathname}`;
}
