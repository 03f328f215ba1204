/**
 * Looks at files without waiting for a thread of Node's pool: only for files of this machine that were looked at a
 * moment ago, as the kernel has them in memory.
 */
import { lstatSync, type Stats, statSync } from "node:fs";
import { type FileVersion, isSameVersion } from "./file-version.ts";

type Look = (path: string, options: { readonly throwIfNoEntry: false }) => Stats | undefined;

/** Is the file the one that it was? `then` undefined = it was not there. */
export function isAsItWas(now: Stats | undefined, then: FileVersion | undefined): boolean {
  return now && then ? isSameVersion(now, then) : now === then;
}

/** Undefined when it is not there, or cannot be looked at. Symbolic links are followed. */
export function quickStat(path: string): Stats | undefined {
  return look(statSync, path);
}

const files = new Map<string, Stats | undefined>();
const links = new Map<string, Stats | undefined>();

/** What many requests of one turn of the loop ask for is looked at once. */
export function quickStatOncePerTurn(path: string): Stats | undefined {
  return oncePerTurn(files, statSync, path);
}

/** Of a symbolic link itself. */
export function quickLstatOncePerTurn(path: string): Stats | undefined {
  return oncePerTurn(links, lstatSync, path);
}

function oncePerTurn(known: Map<string, Stats | undefined>, how: Look, path: string): Stats | undefined {
  const info = known.get(path);
  if (info !== undefined || known.has(path)) return info;
  if (known.size === 0) setImmediate(() => known.clear());
  const now = look(how, path);
  known.set(path, now);
  return now;
}

function look(how: Look, path: string): Stats | undefined {
  try {
    return how(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
