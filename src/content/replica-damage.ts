/**
 * What is known to be damaged in this server's versions: a note for each file, kept beside the versions, so that one with
 * bit rot does not count as held after a restart either, until it is repaired.
 */
import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../base/errors.ts";
import { writeDurably } from "./durable.ts";
import { sha256Of } from "./replica-pieces.ts";
import { PRIVATE_PREFIX } from "./tree-path.ts";
import { compareBytes } from "./walk.ts";

/** In a tree's folder: all that replication needs beside the versions. */
export const REPLICA_NAME = `${PRIVATE_PREFIX}replica`;
const ENDING = ".damaged";

/** Paths inside the version, sorted; empty = none is known to be damaged. */
export async function readDamage(root: string, id: string): Promise<readonly string[]> {
  const folder = notesFolder(root, id);
  const notes = (await namesIn(folder)).filter((name) => /^[0-9a-f]{64}$/.test(name));
  const paths = await Promise.all(notes.map((name) => readFile(join(folder, name), "utf8")));
  return paths.sort(compareBytes);
}

/** On the disk when it resolves. */
export async function noteDamage(root: string, id: string, paths: readonly string[]): Promise<void> {
  const folder = notesFolder(root, id);
  await mkdir(folder, { recursive: true });
  for (const path of paths) {
    const note = join(folder, sha256Of(path));
    await writeDurably(note, `${note}.${randomUUID()}`, (handle) => handle.writeFile(path));
  }
}

export async function noteRepair(root: string, id: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(join(notesFolder(root, id), sha256Of(path)), { force: true });
}

/** Ids of the versions that something may be noted of, in no order. */
export async function notedVersions(root: string): Promise<readonly string[]> {
  const names = await namesIn(join(root, REPLICA_NAME));
  return names.filter(isNotesFolder).map((name) => name.slice(0, -ENDING.length));
}

/** For a version that is gone. */
export async function forgetDamage(root: string, id: string): Promise<void> {
  await rm(notesFolder(root, id), { recursive: true, force: true });
}

/** Among the names in REPLICA_NAME. */
export function isNotesFolder(name: string): boolean {
  return name.endsWith(ENDING);
}

function notesFolder(root: string, id: string): string {
  return join(root, REPLICA_NAME, `${id}${ENDING}`);
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch((error: unknown) => {
    if (errnoOf(error) !== "ENOENT") throw error;
    return [];
  });
}
