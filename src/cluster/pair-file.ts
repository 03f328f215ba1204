/** Whether a server of a pair has gone on alone: one word in a file of its state folder, so that a crash loses nothing. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { EverbootError, errnoOf } from "../base/errors.ts";

const FILE = "pair";

/**
 * `sole` when that was the last word; else the peer may have gone on alone meanwhile.
 * @throws EverbootError `state-broken` when the file cannot be read
 */
export function readPairFile(folder: string): "sole" | "waiting" {
  const path = join(folder, FILE);
  try {
    return readFileSync(path, "utf8").trim() === "sole" ? "sole" : "waiting";
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return "waiting";
    throw new EverbootError("state-broken", { path, reason: errnoOf(error) ?? String(error) }, error);
  }
}

/**
 * On the disk when it returns, and all at once: nothing that depends on the word may happen in between. It changes when a
 * server is lost or comes back, so the milliseconds of it are well spent.
 * @throws EverbootError `state-unwritable`
 */
export function writePairFile(folder: string, state: "sole" | "paired"): void {
  const path = join(folder, FILE);
  try {
    writeFileSync(`${path}.new`, `${state}\n`, { mode: 0o600, flush: true });
    renameSync(`${path}.new`, path);
    const handle = openSync(dirname(path), "r");
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    throw new EverbootError("state-unwritable", { path, reason: errnoOf(error) ?? String(error) }, error);
  }
}
