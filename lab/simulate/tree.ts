/** A tree for simulated machines: the shape of a Debian tree, filled with noise. */
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TreeSource } from "../rack.ts";

export interface Noise {
  readonly packages: number;
  /** Of each package; kernel and initrd are ten times as large. */
  readonly bytes: number;
}

const RELEASE = "bookworm";

/** Path of the package index, relative to the tree. */
export const NOISE_INDEX = `dists/${RELEASE}/main/binary-amd64/Packages`;

export function noiseTree(noise: Noise): TreeSource {
  return { release: RELEASE, fill: async (folder) => writeNoise(folder, noise) };
}

function writeNoise(folder: string, { packages, bytes }: Noise): void {
  const write = (path: string, content: Uint8Array | string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  };
  const names = Array.from({ length: packages }, (_, number) => `pool/main/n/noise/noise${number}_1.0+b1_all.deb`);
  write("netboot/linux", randomBytes(10 * bytes));
  write("netboot/initrd.gz", randomBytes(10 * bytes));
  for (const name of names) write(name, randomBytes(bytes));
  write(NOISE_INDEX, names.map((name, number) => `Package: noise${number}\nFilename: ${name}\n`).join("\n"));
}
