/**
 * What a tree consists of: one line of JSON for each file, sorted by path, in `.everboot-manifest.jsonl` at its root.
 * Equal trees have byte-equal manifests.
 */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { EverbootError, errnoOf } from "../base/errors.ts";
import type { FileHash } from "./apt-index.ts";
import { hashFile, writeDurably } from "./durable.ts";
import { isTreePath, PRIVATE_PREFIX } from "./tree-path.ts";
import { compareBytes, walkFiles } from "./walk.ts";

export const MANIFEST_NAME = `${PRIVATE_PREFIX}manifest.jsonl`;

/** By path inside the tree. */
export type Manifest = ReadonlyMap<string, FileHash>;

export interface TreeDifference {
  readonly path: string;
  readonly problem: "missing" | "size" | "hash" | "extra";
}

export function formatManifest(manifest: Manifest): string {
  const paths = [...manifest.keys()].sort(compareBytes);
  return paths.map((path) => `${JSON.stringify({ path, ...pick(manifest.get(path)) })}\n`).join("");
}

function pick(entry: FileHash | undefined): FileHash | undefined {
  return entry && { size: entry.size, sha256: entry.sha256 };
}

/** The number of the first line that is no entry comes back in place of a manifest. */
export function parseManifest(text: string): Manifest | { readonly badLine: number } {
  const manifest = new Map<string, FileHash>();
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  for (const [index, line] of lines.entries()) {
    const entry = parseEntry(line);
    if (entry === undefined) return { badLine: index + 1 };
    manifest.set(entry.path, { size: entry.size, sha256: entry.sha256 });
  }
  return manifest;
}

function parseEntry(line: string): (FileHash & { readonly path: string }) | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  return isEntry(value) ? value : undefined;
}

function isEntry(value: unknown): value is FileHash & { readonly path: string } {
  if (typeof value !== "object" || value === null) return false;
  const { path, size, sha256 } = value as Record<string, unknown>;
  return (
    typeof path === "string" &&
    isTreePath(path) &&
    Number.isSafeInteger(size) &&
    Number(size) >= 0 &&
    typeof sha256 === "string" &&
    /^[0-9a-f]{64}$/.test(sha256)
  );
}

/** `undefined`: the tree has none. Throws EverbootError `state-broken` for one that is damaged. */
export async function readManifest(root: string): Promise<Manifest | undefined> {
  const path = join(root, MANIFEST_NAME);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
  const manifest = parseManifest(text);
  if ("badLine" in manifest) throw new EverbootError("state-broken", { path, reason: `line ${manifest.badLine}` });
  return manifest;
}

export async function writeManifest(root: string, manifest: Manifest): Promise<void> {
  const target = join(root, MANIFEST_NAME);
  await writeDurably(target, `${target}.${randomUUID()}`, (handle) => handle.writeFile(formatManifest(manifest)));
}

/** Reads and hashes every file below `root`. */
export async function buildManifest(root: string): Promise<Manifest> {
  const manifest = new Map<string, FileHash>();
  for await (const path of walkFiles(root)) manifest.set(path, await hashFile(join(root, path)));
  return manifest;
}

/** Where the tree is not what the manifest says, sorted by path; empty = all is well. */
export async function verifyTree(root: string, manifest: Manifest): Promise<readonly TreeDifference[]> {
  const actual = await buildManifest(root);
  const paths = [...new Set([...manifest.keys(), ...actual.keys()])].sort(compareBytes);
  return paths.flatMap((path) => {
    const problem = compareEntries(manifest.get(path), actual.get(path));
    return problem === undefined ? [] : [{ path, problem }];
  });
}

function compareEntries(
  wanted: FileHash | undefined,
  found: FileHash | undefined,
): TreeDifference["problem"] | undefined {
  if (wanted === undefined) return "extra";
  if (found === undefined) return "missing";
  if (wanted.size !== found.size) return "size";
  return wanted.sha256 === found.sha256 ? undefined : "hash";
}
