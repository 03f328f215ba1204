/**
 * The scripts of the live system, under /everboot, which Subiquity runs as the answer file says. They fetch nothing.
 * wget is GNU's there (Subiquity's own guide uses it), and /bin/sh is dash.
 */
import type { Disk, Profile } from "../site/model.ts";
import { IN_BACKGROUND } from "./debian-scripts.ts";
import type { FamilyInput } from "./family.ts";
import { shellQuote } from "./quoting.ts";
import { diskCount, diskPlaceholder, IF_BIOS, IF_UEFI } from "./ubuntu-storage.ts";

const SYSLOG_PORT = 514;

/**
 * The only early command: nothing was looked at yet. Subiquity reads /autoinstall.yaml again when it has run. The
 * server must know that this installation begins to write before it does; if a server says no, the permit is gone:
 * then the disks stay as they are. An exit code other than 0 ends the installation, and runs the failed script.
 */
export function earlyScript({ profile, servers: [first] }: FamilyInput): string {
  const commands = profile.early.map(
    (command, index) =>
      `sh -c ${shellQuote(command)} || give_up "early command ${index + 1} failed with exit code $?"\n`,
  );
  return `#!/bin/sh
give_up() {
	echo "$1" >>/everboot/failures
	exit 1
}
fill() { sed -i "s|$1|$2|g" /autoinstall.yaml; }
{ journalctl -b -f -n all -q -o short --no-hostname | sed -u 's/^.\\{16\\}//' | logger -d -n ${first.view.address} -P ${SYSLOG_PORT} -t subiquity; } ${IN_BACKGROUND}
/everboot/report answer 0 ${IN_BACKGROUND}
/everboot/report partition 0 || {
	logger -t everboot 'no permit for this installation: nothing was written, restarting'
	reboot
	exec sleep 600
}
${commands.join("")}${chooseDisks(profile.disk)}bios=true uefi=false
[ -d /sys/firmware/efi ] && bios=false uefi=true
fill ${IF_BIOS} $bios
fill ${IF_UEFI} $uefi
(until mountpoint -q /target; do sleep 2; done; /everboot/report packages 600) ${IN_BACKGROUND}
exit 0
`;
}

/** By their kernel's names, the only ones by which Subiquity finds a disk by its path. */
function chooseDisks(disk: Disk): string {
  const count = diskCount(disk);
  const fills = Array.from({ length: count }, (_, index) => `fill ${diskPlaceholder(index + 1)} "$${index + 1}"\n`);
  return `set --
${disk.devices.length > 0 ? namedDisks(disk.devices) : fixedDisks(count)}logger -t everboot "installing on $*"
${fills.join("")}`;
}

function namedDisks(devices: readonly string[]): string {
  return `for disk in ${devices.map(shellQuote).join(" ")}; do
	[ -b "$disk" ] || give_up "there is no disk $disk"
	set -- "$@" "$(readlink -f "$disk")"
done
`;
}

/** The first fixed disks with a medium. An NVMe disk with several paths has hidden devices for them. */
function fixedDisks(count: 1 | 2): string {
  const missing = count === 1 ? "no fixed disk was found" : "fewer than two fixed disks were found";
  return `for sys in /sys/block/*; do
	[ $# -lt ${count} ] || break
	[ -e "$sys/device" ] && [ "$(cat "$sys/removable")" = 0 ] && [ "$(cat "$sys/size")" -gt 0 ] || continue
	[ "$(cat "$sys/hidden" 2>/dev/null)" != 1 ] || continue
	disk=/dev/$(basename "$sys" | tr '!' /)
	udevadm info -q property -n "$disk" | grep -q '^ID_BUS=usb' && continue
	set -- "$@" "$disk"
done
[ $# = ${count} ] || give_up '${missing}'
`;
}

/**
 * The only late command: the system is installed on /target. Its network is ours alone: what Subiquity has written,
 * or left to cloud-init, goes. What fails here is told, and does not keep the machine from its new system.
 */
export function lateScript({ root }: Pick<Profile, "root">): string {
  return `#!/bin/sh
work=/target/var/tmp/everboot
/everboot/report post 600 ${IN_BACKGROUND}
mkdir -p $work
rm -f /target/etc/netplan/*.yaml /target/etc/cloud/cloud.cfg.d/90-installer-network.cfg
cp -a /everboot/target/. /target/ || echo "the files of the installed system could not be written" >>$work/failed
${root?.password === undefined ? "" : rootPassword(root.password)}cp /everboot/finish $work/
curtin in-target --target=/target -- sh /var/tmp/everboot/finish ||
	echo "the commands of the profile could not be run" >>$work/failed
if [ -s $work/failed ]; then
	cat $work/failed >>/everboot/failures
	/everboot/report failed 600 "$(cat /everboot/failures)"
fi
rm -rf $work
sync
[ -e /everboot/failures ] || /everboot/report done 900
exit 0
`;
}

/** Not by curtin, which would log it. */
function rootPassword(hash: string): string {
  return `chroot /target usermod --password ${shellQuote(hash)} root || echo "the password of root could not be set" >>$work/failed\n`;
}

/** Subiquity has given up, and waits for somebody who looks at its screen; its own words are in the journal. */
export const FAILED_SCRIPT = `#!/bin/sh
[ -s /everboot/failures ] || {
	echo 'the installer gave up: its console says why'
	journalctl -b -q -o cat | grep -E ': FAIL: |failed with exception|An error occurred handling|^ *E: ' | tail -n 3 | cut -c 1-300
} >/everboot/failures
/everboot/report failed 600 "$(cat /everboot/failures)"
exit 0
`;
