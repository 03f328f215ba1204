/** The secret that the servers of a site share, and the number that tells one life of a server from the next. */
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EverbootError, errnoOf } from "../../base/errors.ts";
import { writeDurably } from "../../content/durable.ts";
import { PEER_KEY_BYTES } from "../../wire/peer-message.ts";

const KEY_FILE = "cluster.key";
const EPOCH_FILE = "peers.epoch";

/**
 * Makes the site's key: 32 random bytes as hex in `cluster.key` of the state folder, readable by its owner alone.
 * @throws EverbootError `state-unwritable`, also when there is a key already: the other servers have it
 */
export async function createSiteKey(folder: string): Promise<Uint8Array> {
  const key = randomBytes(PEER_KEY_BYTES);
  await writeKey(join(folder, KEY_FILE), key);
  return key;
}

/**
 * Takes the key that another server has made, from a copy of its `cluster.key`. Nothing changes where it is here already.
 * Rejects with EverbootError `usage` when there is no `file`, `state-broken` when it is no key, `cluster-refused` when there
 * is another key here, or `state-unwritable`.
 */
export async function takeSiteKey(folder: string, file: string): Promise<void> {
  const path = join(folder, KEY_FILE);
  const [given, own] = await Promise.all([readKey(file), readKey(path)]);
  if (!given) throw new EverbootError("usage", { what: `${file}: no such file: copy cluster.key from another server` });
  if (!own) return writeKey(path, given);
  if (Buffer.compare(given, own) === 0) return;
  throw new EverbootError("cluster-refused", {
    what: `${path} is another key than ${file}`,
    todo: "all servers of a site need the same one: move the wrong one away",
  });
}

/**
 * Undefined where there is none.
 * @throws EverbootError `state-broken` when the file is no key or cannot be read
 */
export function loadSiteKey(folder: string): Promise<Uint8Array | undefined> {
  return readKey(join(folder, KEY_FILE));
}

async function writeKey(path: string, key: Uint8Array): Promise<void> {
  try {
    await writeFile(path, `${Buffer.from(key).toString("hex")}\n`, { flag: "wx", mode: 0o600, flush: true });
  } catch (error) {
    throw new EverbootError("state-unwritable", { path, reason: errnoOf(error) ?? String(error) }, error);
  }
}

async function readKey(path: string): Promise<Uint8Array | undefined> {
  const text = await readFileIfThere(path);
  if (text === undefined) return undefined;
  const hex = text.trim();
  if (!/^[0-9a-f]{64}$/i.test(hex)) {
    throw new EverbootError("state-broken", { path, reason: `not ${PEER_KEY_BYTES} bytes as hex` });
  }
  return Buffer.from(hex, "hex");
}

/**
 * The epoch of this start: milliseconds since 1970, or one more than the last where the clock went back, so that peers
 * never take this life's messages for replays of an earlier one. It is on the disk before it is used.
 * @throws EverbootError `state-broken`, `state-unwritable`
 */
export async function nextEpoch(folder: string, now: number): Promise<number> {
  const path = join(folder, EPOCH_FILE);
  const last = Number((await readFileIfThere(path)) ?? 0);
  if (!Number.isSafeInteger(last)) throw new EverbootError("state-broken", { path, reason: "not a number" });
  const epoch = Math.max(now, last + 1);
  try {
    await writeDurably(path, `${path}.${epoch}`, (handle) => handle.writeFile(`${epoch}\n`));
  } catch (error) {
    throw new EverbootError("state-unwritable", { path, reason: errnoOf(error) ?? String(error) }, error);
  }
  return epoch;
}

async function readFileIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw new EverbootError("state-broken", { path, reason: errnoOf(error) ?? String(error) }, error);
  }
}
