/** A guest with a bonding driver, Debian's ifupdown, Node and everboot itself: a machine that bonds are made on. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type BondGuest, type BondGuestOptions, startBondGuest } from "../../lab/bond-guest.ts";
import type { CpioFile } from "../../src/wire/cpio.ts";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
/** Imported by the command; the servers' libraries are not. */
const MODULES = ["yaml", "zod"];
/** What Node's program needs of the C and C++ runtime beside the C library, which the guest has. */
const LIBRARIES = ["libstdc++.so.6", "libgcc_s.so.1", "libm.so.6", "libdl.so.2", "libpthread.so.0"];
const LIBRARY_FOLDER = "/lib/x86_64-linux-gnu";
/** MiB: Node's program lies in the guest's memory twice while it boots. */
const MEMORY_MB = 1024;

/** The guest's `everboot`, as its shell calls it. */
export const EVERBOOT = "node --disable-warning=ExperimentalWarning /opt/everboot/src/cli/main.ts";

export function startBondMachine(options: BondGuestOptions): Promise<BondGuest> {
  const files = [...nodeFiles(), ...everbootFiles(), ...(options.files ?? [])];
  return startBondGuest({ ...options, memoryMb: MEMORY_MB, files });
}

function nodeFiles(): CpioFile[] {
  const libraries = LIBRARIES.map((name) => join(LIBRARY_FOLDER, name));
  return [
    { path: "bin/node", mode: 0o755, content: readFileSync(process.execPath) },
    ...libraries.map((path) => ({ path: path.slice(1), mode: 0o644, content: readFileSync(path) })),
  ];
}

function everbootFiles(): CpioFile[] {
  const modules = MODULES.map((name) => `node_modules/${name}/**/*.{js,json}`);
  return globSync(["package.json", "src/**/*.ts", ...modules], { cwd: ROOT })
    .sort()
    .map((path) => ({ path: `opt/everboot/${path}`, mode: 0o644, content: readFileSync(join(ROOT, path)) }));
}
