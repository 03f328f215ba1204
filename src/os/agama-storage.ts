/**
 * Section `storage` of an Agama profile (rust/share/storage.schema.json). Agama adds what the firmware boots from by
 * itself; with `raid1` that partition is on the first disk alone, and the system with its swap on both. On the machine
 * the prepare script puts the names of disks in place of DISK_WORDS.
 */
import type { Disk } from "../site/model.ts";
import type { Json, JsonObject } from "./agama-profile.ts";

export const DISK_WORDS = ["@disk1@", "@disk2@"] as const;

export function storageSection(disk: Disk): JsonObject {
  return LAYOUTS[disk.layout](disk);
}

/** The product's own choice of partitions and their sizes. */
const DEFAULT_VOLUMES = { generate: "default" };

const LAYOUTS: Readonly<Record<Disk["layout"], (disk: Disk) => JsonObject>> = {
  plain: (disk) => ({ drives: [drive(disk, 0, [DEFAULT_VOLUMES])] }),
  lvm: (disk) => ({
    drives: [drive(disk, 0, [])],
    volumeGroups: [
      {
        name: "system",
        physicalVolumes: [{ generate: { targetDevices: [alias(0)], spacePolicy: "useAvailable" } }],
        logicalVolumes: [DEFAULT_VOLUMES],
      },
    ],
  }),
  raid1: (disk) => ({
    boot: { configure: true, device: alias(0) },
    drives: [drive(disk, 0, mirrored(0)), drive(disk, 1, mirrored(1))],
    mdRaids: [
      { ...mirror("swap"), filesystem: { path: "swap", type: "swap" } },
      { ...mirror("system"), filesystem: { path: "/" } },
    ],
  }),
};

/** A device is searched for once: what is kept comes first, and the deletion gets what is left. */
function drive({ devices, keep }: Disk, index: 0 | 1, partitions: readonly Json[]): JsonObject {
  const kept = keep.map(({ partition, mount }) => ({
    search: { condition: { number: partition }, ifNotFound: "error" },
    filesystem: { reuseIfPossible: true, path: mount },
  }));
  return {
    search: devices[index] ?? DISK_WORDS[index],
    alias: alias(index),
    partitions: [...kept, { search: "*", delete: true }, ...partitions],
  };
}

function alias(index: 0 | 1): string {
  return `disk${index + 1}`;
}

function mirrored(index: 0 | 1): JsonObject[] {
  return [
    { alias: `swap${index + 1}`, id: "raid", size: "2 GiB" },
    { alias: `system${index + 1}`, id: "raid", size: { min: "5 GiB" } },
  ];
}

function mirror(name: string): JsonObject {
  return { name, level: "raid1", devices: [`${name}1`, `${name}2`] };
}
