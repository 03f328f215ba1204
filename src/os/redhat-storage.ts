/**
 * Disks and partitions. Which disk, and what the firmware needs on it, is known on the machine alone: a script of the
 * `%pre` section writes these commands with the disk's name into a file that the kickstart file includes. All of it is
 * on GPT, whose disks may be larger than 2 TiB; `reqpart` adds what the firmware wants (EFI system partition, BIOS boot).
 */
import type { Disk, KeptPartition } from "../site/model.ts";
import { directive, scriptWord, WORK } from "./redhat-directives.ts";

/** Where the commands are on the machine. */
export const DISK_COMMANDS = `${WORK}/disk.ks`;

/** MiB; what grows takes the rest of the disk. */
const ROOT_MIB = 4096;
const SWAP_MIB = 4096;
const BOOT_MIB = 1024;
const EFI_MIB = 600;
const BIOS_BOOT_MIB = 1;

/** Stand for the disks' kernel names (`sda`) until the script, which sees them, puts them in. */
const DISK_NAMES = ["@DISK1@", "@DISK2@"] as const;
const [FIRST, SECOND] = DISK_NAMES;
/** Stands for the way to name what `clearpart` deletes. */
const CLEARED = "@CLEARED@";
const keptName = ({ partition }: KeptPartition) => `@PARTITION${partition}@`;

const VOLUME_GROUP = "system";
const ROOT = { fstype: "xfs", size: ROOT_MIB, grow: true } as const;

interface Commands {
  readonly common: readonly string[];
  readonly bios: readonly string[];
  readonly uefi: readonly string[];
}

/**
 * Lines of a `%pre` script that write the file `DISK_COMMANDS`. `give_up MESSAGE` of the script is called, before
 * anything is written to a disk, when a disk or a partition to be kept is not there.
 */
export function diskScript(disk: Disk): readonly string[] {
  const { common, bios, uefi } = diskCommands(disk);
  const byFirmware =
    bios.length + uefi.length === 0
      ? []
      : ["if [ -d /sys/firmware/efi ]; then", ...print(uefi), "else", ...print(bios), "fi"];
  return [
    ...chooseDisks(disk),
    ...(disk.keep.length > 0 ? findKept(disk.keep) : []),
    "{",
    ...print(common),
    ...byFirmware,
    `} | sed ${substitutions(disk)
      .map((rule) => `-e "${rule}"`)
      .join(" ")} >${DISK_COMMANDS}`,
  ];
}

function print(commands: readonly string[]): string[] {
  return commands.length === 0 ? [":"] : ["cat <<'END_OF_FILE'", ...commands, "END_OF_FILE"];
}

function substitutions({ layout, keep }: Disk): string[] {
  return [
    `s/${FIRST}/$disk1/g`,
    ...(layout === "raid1" ? [`s/${SECOND}/$disk2/g`] : []),
    ...keep.map((kept) => `s/${keptName(kept)}/$(partition_name ${kept.partition})/`),
    ...(keep.length > 0 ? [`s/${CLEARED}/$cleared/`] : []),
  ];
}

function diskCommands(disk: Disk): Commands {
  if (disk.layout === "raid1") return mirrored();
  const common = [...clear(disk.keep), ...required(disk.keep), ...(disk.layout === "lvm" ? volumes() : partitions())];
  return { common: [...common, ...disk.keep.map(keep)], bios: [], uefi: [] };
}

function clear(kept: readonly KeptPartition[]): string[] {
  const only = directive("ignoredisk", [], { "only-use": FIRST });
  if (kept.length > 0) return [only, directive("clearpart", [CLEARED])];
  return [
    ...["zerombr", only],
    directive("clearpart", [], { all: true, initlabel: true, disklabel: "gpt", drives: FIRST }),
  ];
}

/** A kept partition takes the place of the one that would be made for it. */
function required(kept: readonly KeptPartition[]): string[] {
  const isKept = (mount: string) => kept.some((partition) => partition.mount === mount);
  const boot = isKept("/boot") ? [] : [directive("part", ["/boot"], { fstype: "xfs", size: BOOT_MIB, ondisk: FIRST })];
  return isKept("/boot/efi") ? boot : [directive("reqpart", []), ...boot];
}

function partitions(): string[] {
  return [
    directive("part", ["swap"], { fstype: "swap", recommended: true, ondisk: FIRST }),
    directive("part", ["/"], { ...ROOT, ondisk: FIRST }),
  ];
}

function volumes(): string[] {
  const volume = { vgname: VOLUME_GROUP } as const;
  return [
    directive("part", ["pv.1"], { size: ROOT_MIB, grow: true, ondisk: FIRST }),
    directive("volgroup", [VOLUME_GROUP, "pv.1"]),
    directive("logvol", ["swap"], { ...volume, name: "swap", fstype: "swap", recommended: true }),
    directive("logvol", ["/"], { ...volume, name: "root", ...ROOT }),
  ];
}

function keep(kept: KeptPartition): string {
  return directive("part", [kept.mount], { onpart: keptName(kept), noformat: true });
}

/**
 * Every partition on both disks, so that the machine starts from either: `reqpart` would serve one of them only.
 * Anaconda gives the mirrored EFI system partition the metadata at its end that firmware does not stumble over. Of the
 * two BIOS boot partitions one is called `None`, which mounts nowhere too, because a name may stand once.
 */
function mirrored(): Commands {
  const drives = DISK_NAMES.join(",");
  const biosBoot = { fstype: "biosboot", size: BIOS_BOOT_MIB } as const;
  return {
    common: [
      "zerombr",
      directive("ignoredisk", [], { "only-use": drives }),
      directive("clearpart", [], { all: true, initlabel: true, disklabel: "gpt", drives }),
      ...mirror(1, "/boot", "boot", { fstype: "xfs" }, { size: BOOT_MIB }),
      ...mirror(2, "swap", "swap", { fstype: "swap" }, { size: SWAP_MIB }),
      ...mirror(3, "/", "root", { fstype: "xfs" }, { size: ROOT_MIB, grow: true }),
    ],
    bios: [
      directive("part", ["biosboot"], { ...biosBoot, ondisk: FIRST }),
      directive("part", ["None"], { ...biosBoot, ondisk: SECOND }),
    ],
    uefi: mirror(4, "/boot/efi", "efi", { fstype: "efi" }, { size: EFI_MIB }),
  };
}

function mirror(
  number: number,
  mount: string,
  device: string,
  format: { readonly fstype: string },
  space: { readonly size: number; readonly grow?: boolean },
): string[] {
  const members = DISK_NAMES.map((ondisk, index) => ({ name: `raid.${number}${index + 1}`, ondisk }));
  return [
    ...members.map(({ name, ondisk }) => directive("part", [name], { ...space, ondisk })),
    directive("raid", [mount, ...members.map(({ name }) => name)], { device, level: 1, ...format }),
  ];
}

/** Sets `disk1`, and `disk2` for `raid1`, to kernel names. */
function chooseDisks({ layout, devices }: Disk): string[] {
  if (devices.length > 0) return devices.flatMap(namedDisk);
  const two = layout === "raid1";
  return [
    ...FIXED_DISKS,
    "set -- $(fixed_disks)",
    `[ $# -ge ${two ? 2 : 1} ] || give_up "${two ? "two fixed disks are needed, found: $*" : "no fixed disk was found"}"`,
    ...(two ? ["disk1=$1 disk2=$2"] : ["disk1=$1"]),
  ];
}

/** Links such as /dev/disk/by-id/... are followed. */
function namedDisk(device: string, index: number): string[] {
  const name = `disk${index + 1}`;
  return [
    `${name}=$(basename "$(readlink -f ${scriptWord(device)})")`,
    `[ -e "/sys/block/$${name}" ] || give_up ${scriptWord(`there is no disk ${device}`)}`,
  ];
}

/** Those with hardware below them and a medium; an SD card's boot areas are no disks. */
const FIXED_DISKS = `fixed_disks() {
	for sys in /sys/block/*; do
		disk=\${sys##*/}
		case $disk in mmcblk*boot* | mmcblk*rpmb) continue ;; esac
		[ -e "$sys/device" ] && [ "$(cat "$sys/removable")" = 0 ] && [ "$(cat "$sys/size")" -gt 0 ] || continue
		udevadm info -q property -n "/dev/$disk" | grep -q '^ID_BUS=usb' && continue
		echo "$disk"
	done
}`.split("\n");

/**
 * Sets `cleared` to the option of clearpart that names all other partitions. On an MS-DOS label, logical partitions
 * (5 and up) are numbered anew when one before them goes: then their names could not be trusted.
 */
function findKept(kept: readonly KeptPartition[]): string[] {
  const numbers = kept.map(({ partition }) => partition);
  const hasLogical = numbers.some((number) => number > 4);
  return [
    ...PARTITION_NAME,
    `for number in ${numbers.join(" ")}; do`,
    '\t[ -n "$(partition_name "$number")" ] || give_up "partition $number of $disk1 is to be kept and is not there"',
    "done",
    ...(hasLogical
      ? [
          '[ "$(blkid -p -s PTTYPE -o value "/dev/$disk1")" = gpt ] || give_up "partitions above 4 can be kept on GPT only"',
        ]
      : []),
    "others=",
    "for sys in /sys/block/$disk1/*/partition; do",
    `\tcase " ${numbers.join(" ")} " in *" $(cat "$sys") "*) continue ;; esac`,
    "\tsys=${sys%/partition}",
    "\tothers=$others,${sys##*/}",
    "done",
    "cleared=${others:+--list=${others#,}}",
    "cleared=${cleared:---none}",
  ];
}

const PARTITION_NAME = `partition_name() {
	for sys in /sys/block/$disk1/*/partition; do
		[ "$(cat "$sys")" = "$1" ] || continue
		sys=\${sys%/partition}
		echo "\${sys##*/}"
	done 2>/dev/null
}`.split("\n");
