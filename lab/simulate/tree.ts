/** A tree for simulated machines: the shape of a Debian tree, filled with noise. */
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TreeSource } from "../rack.ts";

export interface Noise {
  readonly packages: number;
  /** Of each package; kernel and initrd are ten times as large. */
  readonly bytes: number;
}

export interface NoisePackage {
  /** Relative to the tree. */
  readonly path: string;
  /** Hex. */
  readonly sha256: string;
}

const RELEASE = "bookworm";

/** Path of the package index, relative to the tree. */
export function noiseIndex(release: string): string {
  return `dists/${release}/main/binary-amd64/Packages`;
}

export function readNoiseIndex(text: string): NoisePackage[] {
  const entries = text.matchAll(/^Filename: (.+)\n(?:.+\n)*?SHA256: (.+)$/gm);
  return Array.from(entries, ([, path = "", sha256 = ""]) => ({ path, sha256 }));
}

export function noiseTree(noise: Noise): TreeSource {
  return { release: RELEASE, fill: async (folder) => writeNoise(folder, noise) };
}

/** Fills the folder of a tree. */
export function writeNoise(folder: string, noise: Noise): void {
  for (const [path, content] of Object.entries(noiseFiles(noise))) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

/** By path relative to the tree. */
export function noiseFiles({ packages, bytes }: Noise): Readonly<Record<string, Uint8Array | string>> {
  const noise = Array.from({ length: packages }, (_, number) => ({
    name: `noise${number}`,
    path: `pool/main/n/noise/noise${number}_1.0+b1_all.deb`,
    content: randomBytes(bytes),
  }));
  return {
    "netboot/linux": randomBytes(10 * bytes),
    "netboot/initrd.gz": randomBytes(10 * bytes),
    ...Object.fromEntries(noise.map(({ path, content }) => [path, content])),
    [noiseIndex(RELEASE)]: noise.map(indexEntry).join("\n"),
  };
}

function indexEntry({ name, path, content }: { name: string; path: string; content: Uint8Array }): string {
  const sha256 = createHash("sha256").update(content).digest("hex");
  return `Package: ${name}\nFilename: ${path}\nSHA256: ${sha256}\n`;
}
