/**
 * Section `partitioning` of an AutoYaST profile: words that the storage code of SLES 10 to 12 and that of SLE 15
 * (yast-storage-ng, doc/autoyast.md and raid.md) both read. `/boot` is a partition of its own wherever the root is not
 * a plain one: GRUB of SLES 10 and 11 reads neither LVM nor RAID's later metadata.
 *
 * The names of disks, the partitions that go, and whether there is EFI, are known on the machine alone: the pre-script
 * (suse-scripts.ts) puts them in place of DISK_WORDS and FREED_WORD, and takes out what is between EFI_MARKS.
 */
import type { Disk } from "../site/model.ts";
import { releaseOf, type SuseRelease } from "./suse-release.ts";
import { bool, integer, list, map, symbol, text } from "./suse-values.ts";
import { comment, type XmlElement, type XmlNode } from "./xml.ts";

export const DISK_WORDS = ["@disk1@", "@disk2@"] as const;
export const FREED_WORD = "@freed@";
export const EFI_MARKS = ["EFI only", "end of EFI only"] as const;
/** Label of the copy of the EFI partition, on the second disk of a mirror. */
export const EFI_COPY = "EFICOPY";

const SWAP_SIZE = "2G";
const BOOT_SIZE = "512M";
/** YaST's numbers of partition types: those of MS-DOS, and 259 for the EFI system partition. */
const TYPES = { linux: 131, lvm: 142, raid: 253, efi: 259 } as const;
const VOLUME_GROUP = "/dev/system";

export function partitioning(disk: Disk, release: string): XmlElement {
  const make = LAYOUTS[disk.layout];
  return list("partitioning", make(disk, fileSystem(releaseOf(release))));
}

const LAYOUTS: Readonly<Record<Disk["layout"], (disk: Disk, fs: string) => XmlElement[]>> = {
  plain: (disk, fs) => [
    drive(diskOf(disk, 0), disk, [...efi(), swap(), mounted("/", fs, [text("size", "max")]), ...kept(disk)]),
  ],
  lvm: (disk, fs) => [
    drive(diskOf(disk, 0), disk, [
      ...efi(),
      mounted("/boot", fs, [text("size", BOOT_SIZE)]),
      member(TYPES.lvm, [text("lvm_group", VOLUME_GROUP.replace("/dev/", ""))], "max"),
      ...kept(disk),
    ]),
    map("drive", [
      text("device", VOLUME_GROUP),
      symbol("type", "CT_LVM"),
      text("use", "all"),
      list("partitions", [
        swap([text("lv_name", "swap")]),
        mounted("/", fs, [text("lv_name", "root"), text("size", "max")]),
      ]),
    ]),
  ],
  raid1: (disk, fs) => [
    drive(diskOf(disk, 0), disk, [...efi(), ...mirrored()]),
    drive(diskOf(disk, 1), disk, [...efi(EFI_COPY), ...mirrored()]),
    map("drive", [
      text("device", "/dev/md"),
      symbol("type", "CT_MD"),
      text("use", "all"),
      list("partitions", [
        mounted("/boot", fs, [integer("partition_nr", 0), RAID1]),
        swap([integer("partition_nr", 1), RAID1]),
        mounted("/", fs, [integer("partition_nr", 2), RAID1]),
      ]),
    ]),
  ],
};

/** SLES 11 reads ext4 and does not write it. */
function fileSystem({ major }: SuseRelease): string {
  return major < 12 ? "ext3" : "ext4";
}

function diskOf({ devices }: Disk, index: 0 | 1): string {
  return devices[index] ?? DISK_WORDS[index];
}

/** All partitions of the disk go, or all that are not kept. */
function drive(device: string, { keep }: Disk, partitions: readonly XmlNode[]): XmlElement {
  return map("drive", [
    text("device", device),
    symbol("type", "CT_DISK"),
    bool("initialize", keep.length === 0),
    text("use", keep.length === 0 ? "all" : FREED_WORD),
    list("partitions", partitions),
  ]);
}

function created(children: readonly XmlElement[]): XmlElement {
  return map("partition", [bool("create", true), ...children]);
}

function mounted(mount: string, fs: string, children: readonly XmlElement[]): XmlElement {
  return created([
    bool("format", true),
    symbol("filesystem", fs),
    text("mount", mount),
    integer("partition_id", TYPES.linux),
    ...children,
  ]);
}

function swap(children: readonly XmlElement[] = []): XmlElement {
  const size = children.some(({ name }) => name === "partition_nr") ? [] : [text("size", SWAP_SIZE)];
  return created([bool("format", true), symbol("filesystem", "swap"), text("mount", "swap"), ...children, ...size]);
}

/** Mounted, or with a label as the copy that nothing mounts. */
function efi(label?: typeof EFI_COPY): XmlNode[] {
  const [begin, end] = EFI_MARKS;
  const partition = created([
    bool("format", true),
    symbol("filesystem", "vfat"),
    label === undefined ? text("mount", "/boot/efi") : text("label", label),
    integer("partition_id", TYPES.efi),
    text("size", "512M"),
  ]);
  return [comment(begin), partition, comment(end)];
}

function member(type: number, children: readonly XmlElement[], size: string): XmlElement {
  return created([bool("format", false), integer("partition_id", type), ...children, text("size", size)]);
}

const RAID1 = map("raid_options", [bool("persistent_superblock", true), text("raid_type", "raid1")]);

function mirrored(): XmlElement[] {
  return [BOOT_SIZE, SWAP_SIZE, "max"].map((size, index) =>
    member(TYPES.raid, [text("raid_name", `/dev/md${index}`), text("raid_type", "raid")], size),
  );
}

function kept({ keep }: Disk): XmlElement[] {
  return keep.map(({ partition, mount }) =>
    map("partition", [
      bool("create", false),
      bool("format", false),
      text("mount", mount),
      integer("partition_nr", partition),
    ]),
  );
}
