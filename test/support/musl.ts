/** A program with the resolver of musl, which Alpine and other small systems have: built here, of Debian's `musl-dev`. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { UNPACKED_FOLDER } from "../../lab/unpacked.ts";
import { installedJudge } from "./judges.ts";

const PACKAGE = join(UNPACKED_FOLDER, "musl-dev/usr");
const SOURCE = join(import.meta.dirname, "lookup.c");

/** Reason why it cannot be built here, or false. For `test({ skip })`. */
export function muslObstacle(): string | false {
  if (!existsSync(PACKAGE)) return "package musl-dev is not unpacked here: run `./everboot test` once";
  return installedJudge("gcc").obstacle ?? false;
}

/** Builds `test/support/lookup.c` as `program`, without any library of this machine. Throws with what the compiler says. */
export function buildMuslLookup(program: string): void {
  const [architecture = ""] = readdirSync(join(PACKAGE, "lib"));
  const library = (name: string) => join(PACKAGE, "lib", architecture, name);
  const { status, stderr } = spawnSync(
    "gcc",
    [
      ...["-static", "-nostdinc", "-nostdlib", "-isystem", join(PACKAGE, "include", architecture), "-o", program],
      ...[library("crt1.o"), library("crti.o"), SOURCE, library("libc.a"), "-lgcc", library("libc.a")],
      library("crtn.o"),
    ],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`gcc: ${stderr}`);
}
