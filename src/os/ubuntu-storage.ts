/**
 * The `storage` section: Subiquity's ready layouts, or a list of curtin's actions (curtin's documentation, "Storage").
 * Which disks there are and how the machine boots is known on the machine alone: placeholders stand for that until
 * the early script (ubuntu-scripts.ts) fills them in. One that is left over matches no disk, so nothing is written.
 */
import type { Disk } from "../site/model.ts";

type Mapping = Readonly<Record<string, unknown>>;

/** Become `true` or `false`. */
export const IF_BIOS = "everboot-if-bios";
export const IF_UEFI = "everboot-if-uefi";

/** Disks that the layout takes, counted from 1. */
export function diskCount({ layout }: Disk): 1 | 2 {
  return layout === "raid1" ? 2 : 1;
}

/** Becomes the path of a disk: `/dev/sda`. */
export function diskPlaceholder(disk: number): string {
  return `/dev/everboot-disk-${disk}`;
}

export function storage({ layout }: Disk): Mapping {
  const match = { path: diskPlaceholder(1) };
  switch (layout) {
    case "plain":
      return { layout: { name: "direct", match } };
    case "lvm":
      return { layout: { name: "lvm", "sizing-policy": "all", match } };
    case "raid1":
      return { config: [...[1, 2].flatMap(mirroredDisk), ...mirror()] };
  }
}

/**
 * Both disks boot by BIOS and by UEFI, whichever the machine has. Subiquity wants the disks marked as where GRUB goes
 * on a machine with a BIOS, the EFI system partitions on one with UEFI, and fails on a machine that has both marked.
 */
function mirroredDisk(disk: number): Mapping[] {
  const device = `disk-${disk}`;
  return [
    {
      ...{ type: "disk", id: device, path: diskPlaceholder(disk) },
      ...{ ptable: "gpt", wipe: "superblock-recursive", grub_device: IF_BIOS },
    },
    { type: "partition", id: `bios-${disk}`, device, size: "1M", flag: "bios_grub" },
    {
      ...{ type: "partition", id: `esp-${disk}`, device, size: "512M" },
      ...{ flag: "boot", wipe: "superblock", grub_device: IF_UEFI },
    },
    { type: "format", id: `esp-${disk}-files`, volume: `esp-${disk}`, fstype: "fat32" },
    { type: "partition", id: `half-${disk}`, device, size: -1, wipe: "superblock" },
  ];
}

/** Only one EFI system partition can be mounted; GRUB's package keeps the other one up to date. */
function mirror(): Mapping[] {
  return [
    { type: "raid", id: "mirror", name: "md0", raidlevel: "raid1", devices: ["half-1", "half-2"] },
    { type: "format", id: "root-files", volume: "mirror", fstype: "ext4" },
    { type: "mount", id: "root", device: "root-files", path: "/" },
    { type: "mount", id: "esp", device: "esp-1-files", path: "/boot/efi" },
  ];
}
