/** A tree for simulated machines: the shape of a Debian tree, filled with noise. */
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface NoiseTree {
  readonly folder: string;
  readonly release: string;
  readonly packages: number;
  /** Of each package; kernel and initrd are ten times as large. */
  readonly bytes: number;
}

/** Path of the package index, relative to the tree. */
export function packagesPath(release: string): string {
  return `dists/${release}/main/binary-amd64/Packages`;
}

export function writeNoiseTree({ folder, release, packages, bytes }: NoiseTree): void {
  const write = (path: string, content: Uint8Array | string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  };
  const names = Array.from({ length: packages }, (_, number) => `pool/main/n/noise/noise${number}_1.0+b1_all.deb`);
  write("netboot/linux", randomBytes(10 * bytes));
  write("netboot/initrd.gz", randomBytes(10 * bytes));
  for (const name of names) write(name, randomBytes(bytes));
  write(packagesPath(release), names.map((name, number) => `Package: noise${number}\nFilename: ${name}\n`).join("\n"));
}
