/**
 * Disks in the Debian Installer: answers for partman, and the scripts that do what no answer can. Read in partman-base
 * 226 and 237, partman-auto 162 and 177, partman-auto-raid 55, partman-partitioning 159 (Debian 12 and 13).
 */
import type { Disk, Profile } from "../site/model.ts";
import type { OverlayFile } from "./family.ts";
import { preseedLine, shellQuote } from "./quoting.ts";

const METHODS = { plain: "regular", lvm: "lvm", raid1: "raid" } as const;

/**
 * Lines of the preseed file. A disk with partitions to keep has no method: should the hook that keeps them not run,
 * partman asks, in place of erasing all.
 */
export function diskAnswers(disk: Disk): string[] {
  const confirmed = (question: string) => preseedLine(question, "boolean", "true");
  const { layout, devices, keep } = disk;
  return [
    ...(chosenByHook(disk) ? [] : [preseedLine("partman-auto/disk", "string", devices.join(" "))]),
    ...(keep.length > 0 ? [] : [preseedLine("partman-auto/method", "string", METHODS[layout])]),
    ...(layout === "lvm" ? [preseedLine("partman-auto-lvm/guided_size", "string", "max")] : []),
    ...(layout === "raid1" ? [preseedLine("partman-partitioning/default_label", "string", "gpt")] : []),
    preseedLine("partman-auto/choose_recipe", "select", "atomic"),
    preseedLine("partman-basicfilesystems/no_swap", "boolean", "false"),
    preseedLine("partman/mount_style", "select", "uuid"),
    confirmed("partman-lvm/device_remove_lvm"),
    confirmed("partman-lvm/confirm"),
    confirmed("partman-lvm/confirm_nooverwrite"),
    confirmed("partman-md/device_remove_md"),
    confirmed("partman-md/confirm"),
    confirmed("partman-md/confirm_nooverwrite"),
    confirmed("partman-efi/non_efi_system"),
    confirmed("partman-partitioning/confirm_write_new_label"),
    preseedLine("partman/choose_partition", "select", "finish"),
    confirmed("partman/confirm"),
    confirmed("partman/confirm_nooverwrite"),
  ];
}

/** `default` is replaced by what the partition hook chooses; the question must count as answered before. */
export function bootLoaderAnswers(disk: Disk): string[] {
  return [
    preseedLine("grub-installer/only_debian", "boolean", "true"),
    preseedLine("grub-installer/with_other_os", "boolean", "true"),
    preseedLine("grub-installer/bootdev", "string", chosenByHook(disk) ? "default" : disk.devices.join(" ")),
    preseedLine("grub-installer/force-efi-extra-removable", "boolean", "true"),
  ];
}

/** Names of partitions, which RAID needs, are those of the machine. */
function chosenByHook({ layout, devices }: Disk): boolean {
  return devices.length === 0 || layout === "raid1";
}

/** Files of `/everboot` that the disk layout needs; the early script puts the hook `keep` in its place. */
export function diskHelpers(disk: Disk): OverlayFile[] {
  const program = (path: string, content: string) => ({ path, mode: 0o755, content });
  const recipe = (path: string, firmware: string) => ({ path, mode: 0o644, content: raidRecipe(firmware) });
  return [
    ...(disk.layout === "raid1" ? [recipe("everboot/raid-bios", BIOS_BOOT), recipe("everboot/raid-uefi", EFI)] : []),
    ...(disk.keep.length > 0 ? [program("everboot/keep", keepScript(disk))] : []),
  ];
}

/**
 * Before partman looks at the disks. The server must know that this installation begins to write before it does; if
 * the server says no, the permit is gone: then the disk stays as it is. partman runs it again when it has taken old
 * LVM or RAID apart.
 */
export function partitionScript({ disk, early }: Pick<Profile, "disk" | "early">): string {
  const commands = early.map(
    (command, index) =>
      `log-output -t everboot sh -c ${shellQuote(command)} || exec /everboot/stop "early command ${index + 1} failed with exit code $?"\n`,
  );
  return `#!/bin/sh
[ -e /everboot/partitioning ] && exit 0
/everboot/report partition 0 || {
	logger -t everboot 'no permit for this installation: nothing was written, restarting'
	reboot
	exec sleep 600
}
${commands.join("")}${diskChoice(disk)}${disk.layout === "raid1" ? PREPARE_RAID : ""}touch /everboot/partitioning
exit 0
`;
}

/** `stop WHY`, before partman writes partitions: the machine goes back to what it was. */
export const STOP_SCRIPT = `#!/bin/sh
logger -t everboot "$1: stopped, restarting"
touch /everboot/failed
/everboot/report failed 600 "$1"
reboot
exec sleep 600
`;

function diskChoice(disk: Disk): string {
  if (!chosenByHook(disk)) return "";
  const choice = disk.devices.length > 0 ? namedDisks(disk.devices) : fixedDisks(disk.layout === "raid1" ? 2 : 1);
  return `${choice}logger -t everboot "installing on $disks"
debconf-set partman-auto/disk "$disks"
debconf-set grub-installer/bootdev "$disks"
`;
}

/** By their kernel's names: a link's name may have a dot, which ends an array in partman-auto-raid/recipe. */
function namedDisks(devices: readonly string[]): string {
  return `disks=
for disk in ${devices.map(shellQuote).join(" ")}; do
	[ -e "$disk" ] || exec /everboot/stop "there is no disk $disk"
	disks="\${disks:+$disks }$(readlink -f "$disk")"
done
`;
}

/** The first fixed disks with a medium; 01early_command, right after, may still choose others. */
function fixedDisks(count: 1 | 2): string {
  const missing = count === 1 ? "no fixed disk was found" : "fewer than two fixed disks were found";
  return `set --
for disk in $(list-devices disk); do
	[ $# -lt ${count} ] || break
	sys=/sys/block/$(echo "\${disk#/dev/}" | tr / '!')
	[ "$(cat "$sys/removable")" = 0 ] && [ "$(cat "$sys/size")" -gt 0 ] || continue
	udevadm info -q property -n "$disk" | grep -q '^ID_BUS=usb' && continue
	set -- "$@" "$disk"
done
[ $# = ${count} ] || exec /everboot/stop '${missing}'
disks=$*
`;
}

const BIOS_BOOT = "1 1 1 free method{ biosgrub } .";
const EFI = "538 538 1075 free method{ efi } format{ } .";

/** partman-auto-recipe.txt of debian-installer; sizes in MB: least, priority, most. */
function raidRecipe(firmware: string): string {
  return `everboot :
${firmware}
2000 8850 -1 raid method{ raid } .
500 550 100% raid method{ raid } .
`;
}

/** Fields of an array: level, devices, spares, file system, mount point, partitions. */
const PREPARE_RAID = `part() {
	case $1 in
	*[0-9]) echo "$1p$2" ;;
	*) echo "$1$2" ;;
	esac
}
set -- $disks
firmware=bios
[ -d /sys/firmware/efi ] && firmware=uefi
arrays="1 2 0 ext4 / $(part "$1" 2)#$(part "$2" 2) . 1 2 0 swap - $(part "$1" 3)#$(part "$2" 3) ."
debconf-set partman-auto/expert_recipe_file /everboot/raid-$firmware &&
	debconf-set partman-auto-raid/recipe "$arrays" ||
	exec /everboot/stop 'the tree lacks the installer component partman-auto-raid'
echo "$(part "$1" 1) $(part "$2" 1)" >/everboot/firmware-partitions
`;

/**
 * Part of the post script. Both disks have an EFI partition, and partman mounts the first: the other one gets a copy
 * for the firmware to find by its path for removable media. Package updates of the loader do not reach the copy. The
 * system starts without the first disk.
 */
export const COPY_EFI = `if [ -d /target/boot/efi/EFI ]; then
	for part in $(cat /everboot/firmware-partitions); do
		grep -q "^$part /target/boot/efi " /proc/mounts && continue
		mkdir -p /everboot/efi
		mount -t vfat "$part" /everboot/efi && cp -R /target/boot/efi/EFI /everboot/efi/ && umount /everboot/efi ||
			echo "the boot loader could not be copied to $part" >>$work/failed
	done
	sed -i 's|^\\([^#]* /boot/efi .*\\)umask=0077|\\1umask=0077,nofail|' /target/etc/fstab
fi
`;

/**
 * In partman's display.d, before 10initial_auto, which leaves the disk alone once its mark is there. Nothing is
 * written before partman itself commits. Numbers of logical partitions change when others go; ids stay.
 */
function keepScript({ keep }: Disk): string {
  const wanted = keep.map(({ partition, mount }) => shellQuote(`${partition}:${mount}`)).join(" ");
  return `#!/bin/sh
[ -e /var/lib/partman/initial_auto ] && exit 0
. /lib/partman/lib/base.sh
. /lib/partman/lib/auto-shared.sh
. /lib/partman/lib/disk-label.sh
>/var/lib/partman/initial_auto
db_get partman-auto/disk
disk=$RET
dev=$(dev_to_partman "$disk")
[ -d "$dev" ] || exec /everboot/stop "there is no disk $disk"
cd "$dev"

list() {
	open_dialog PARTITIONS
	while { read_line num id size type fs path name; [ "$id" ]; }; do echo "$fs $type $num $id $size"; done
	close_dialog
}
id_of() { list | while read -r fs type num id size; do [ "$fs" = free ] || [ "$num" != "$1" ] || echo "$id"; done; }
used() { list | while read -r fs type num id size; do [ "$fs" = free ] || echo "$id"; done; }
largest_free() {
	list | {
		most=0 largest=
		while read -r fs type num id size; do
			[ "$fs" = free ] && [ "$type" != unusable ] && ! longint_le "$size" "$most" && most=$size largest=$id
		done
		echo "$largest"
	}
}

kept=
for pair in ${wanted}; do
	id=$(id_of "\${pair%%:*}")
	[ "$id" ] && [ -s "$id/detected_filesystem" ] ||
		exec /everboot/stop "partition \${pair%%:*} of $disk is not there, or holds no file system that can be mounted"
	kept="$kept $id:\${pair#*:}"
done

prepare_new_labels "$dev" || exec /everboot/stop "old LVM or RAID on $disk could not be taken apart"
cd "$dev"
for id in $(used); do
	case "$kept " in
	*" $id:"*) continue ;;
	esac
	open_dialog DELETE_PARTITION "$id"
	close_dialog
done
free=$(largest_free)
[ "$free" ] || exec /everboot/stop "there is no room on $disk beside the partitions that stay"
autopartition "$dev" "$free" || exec /everboot/stop "the partitions that stay leave too little room on $disk"

for pair in $kept; do
	id=\${pair%%:*}
	rm -f "$id/format"
	echo keep >"$id/method"
	>"$id/use_filesystem"
	cp "$id/detected_filesystem" "$id/filesystem"
	echo "\${pair#*:}" >"$id/mountpoint"
	mkdir -p "$id/options"
	update_partition "$dev" "$id"
done
exit 0
`;
}
