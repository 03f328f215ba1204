/** Reading a kept list of packages, compressed or not. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { EverbootError, errnoOf } from "../base/errors.ts";
import { type FileIndex, type PackagesEnding, PackagesParser } from "./apt-index.ts";

/** Ways to compress a list that can be undone here. */
export type ListEnding = PackagesEnding | ".zst";

/** What takes a file piece by piece. */
export interface PackagesReader<T> {
  push(chunk: Uint8Array): void;
  finish(): T;
}

/** Reads an apt archive's list. Throws like `readPackages`. */
export function readPackagesFile(path: string, ending: PackagesEnding): Promise<FileIndex> {
  return readPackages(path, ending, new PackagesParser());
}

/**
 * @returns what `reader` made of the file.
 * Throws what the reader throws, and EverbootError `tool-missing` when `ending` is `.xz` and there is no `xz`.
 */
export async function readPackages<T>(path: string, ending: ListEnding, reader: PackagesReader<T>): Promise<T> {
  const parse = async (chunks: AsyncIterable<Uint8Array>) => {
    for await (const chunk of chunks) reader.push(chunk);
  };
  if (ending === ".xz") await throughXz(path, parse);
  else if (ending === ".gz") await pipeline(createReadStream(path), createGunzip(), parse);
  else if (ending === ".zst") await pipeline(createReadStream(path), createZstdDecompress(), parse);
  else await pipeline(createReadStream(path), parse);
  return reader.finish();
}

async function throughXz(path: string, parse: (chunks: AsyncIterable<Uint8Array>) => Promise<void>): Promise<void> {
  const input = await open(path, "r");
  try {
    const child = spawn("xz", ["--decompress", "--stdout"], { stdio: [input.fd, "pipe", "ignore"] });
    const [, [status]] = await Promise.all([parse(child.stdout as Readable), once(child, "close")]);
    if (status !== 0) throw new EverbootError("upstream-mismatch", {}, new Error(`${path}: xz ends with ${status}`));
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    throw new EverbootError("tool-missing", { tool: "xz", purpose: "a mirror's index", package: "xz-utils" }, error);
  } finally {
    await input.close();
  }
}
