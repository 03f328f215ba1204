/**
 * Parts of shell programs for SUSE's installers, YaST and Agama. For bash, which they and the systems they install
 * have (as /bin/sh too), because it opens TCP connections itself: the installer of SLES 10 has no other HTTP client
 * that could be relied upon.
 */
import type { OverlayFile, ServerUrls } from "./family.ts";
import { shellQuote } from "./quoting.ts";

/** Seconds for one question to one server; a connection attempt to a dead one would take two minutes. */
const PATIENCE = 15;

/**
 * `report EVENT SECONDS [TEXT]` tells one of the install servers, in this order, round after round for SECONDS (0: for
 * ever). Exit code 0: told; 1: no answer in time; 8: a server does not want to hear it, and neither would the others.
 */
export function reportFunction(servers: readonly ServerUrls[]): string {
  return `${HTTP_FUNCTIONS}report() {
	local begin=$SECONDS server answer
	while :; do
		for server in ${servers.map(({ report }) => report).join(" ")}; do
			answer=$(ask POST "$server/$1" "$3")
			case $answer in
			'HTTP/1.'?' 200'*) return 0 ;;
			'HTTP/1.'?' 40'[34]*) return 8 ;;
			esac
		done
		[ "$2" -gt 0 ] && [ $((SECONDS - begin)) -ge "$2" ] && return 1
		sleep 3
	done
}
`;
}

/** `fetch PATH` prints a text file of the tree, from the first server that has it; tries until one says yes or no. */
export function fetchFunction(servers: readonly ServerUrls[]): string {
  return `fetch() {
	local server answer
	while :; do
		for server in ${servers.map(({ tree }) => tree).join(" ")}; do
			answer=$(ask GET "$server/$1")
			case $answer in
			'HTTP/1.'?' 200'*) sed '1,/^.\\{0,1\\}$/d' <<<"$answer"; return 0 ;;
			'HTTP/1.'?' 404'*) return 1 ;;
			esac
		done
		sleep 3
	done
}
`;
}

/**
 * `ask METHOD URL [TEXT]` prints the whole answer, or what has come of it when the time is up. By HTTP/1.0, which has no
 * chunks; as a process of its own, so that it can be ended.
 */
const HTTP_FUNCTIONS = `exchange() {
	local LC_ALL=C form='^http://([^:/]+):?([0-9]*)(/.*)$' host port path
	[[ $2 =~ $form ]] || return
	host=\${BASH_REMATCH[1]} port=\${BASH_REMATCH[2]:-80} path=\${BASH_REMATCH[3]}
	exec 3<>"/dev/tcp/$host/$port" || return
	printf '%s %s HTTP/1.0\\r\\nHost: %s:%s\\r\\nContent-Type: text/plain\\r\\nContent-Length: %s\\r\\nConnection: close\\r\\n\\r\\n%s' \\
		"$1" "$path" "$host" "$port" "\${#3}" "$3" >&3
	exec cat <&3
}
ask() {
	local text=/tmp/everboot-answer.$$.$RANDOM turns=0 asking
	exchange "$@" >"$text" 2>/dev/null </dev/null &
	asking=$!
	while [ $turns -lt ${PATIENCE * 5} ] && kill -0 $asking 2>/dev/null; do
		sleep 0.2
		turns=$((turns + 1))
	done
	kill $asking 2>/dev/null
	cat "$text"
	rm -f "$text"
}
`;

/** Restarts at once: nothing was mounted, and nobody is there to press a key. */
export const RESTART = `restart() {
	sync
	echo 1 >/proc/sys/kernel/sysrq
	echo b >/proc/sysrq-trigger
	sleep 600
}
`;

/** `stop WHY`, before anything was written: the machine goes back to what it was. Needs `report`, `restart`. */
export const STOP = `stop() {
	report failed 600 "$1"
	restart
}
`;

/** `fixed_disks` prints disks with a medium that cannot be taken out, as `/dev/sda`, in the order of their names. */
export const FIXED_DISKS = `fixed_disks() {
	local sys
	for sys in /sys/block/*; do
		[ -e "$sys/device" ] || continue
		[ "$(cat "$sys/removable")" = 0 ] && [ "$(cat "$sys/size")" -gt 0 ] || continue
		case $(readlink -f "$sys/device")/\${sys##*/} in
		*/usb* | *boot[0-9] | *rpmb) continue ;;
		esac
		echo "/dev/$(echo "\${sys##*/}" | tr '!' /)"
	done
}
`;

/** Each command with what is done if it fails; the complaint names it by its place: its text may hold a secret. */
export function commands(kind: string, list: readonly string[], orElse: string): string[] {
  return list.map(
    (command, index) =>
      `bash -c ${shellQuote(command)} || ${orElse} "${kind} command ${index + 1} failed with exit code $?"`,
  );
}

/** A file, whatever it holds, below the folder that the shell variable or path `root` stands for. */
export function putFile({ path, mode, content }: OverlayFile, root = ""): string[] {
  const target = `${root}/${path}`;
  const text = typeof content === "string" ? content : new TextDecoder().decode(content);
  return [
    `mkdir -p ${root}/${path.replace(/\/[^/]*$/, "")}`,
    `printf '%s' ${shellQuote(text)} >${target}`,
    `chmod ${mode.toString(8)} ${target}`,
  ];
}
