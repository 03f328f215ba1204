/** What ganesha serves, and how it has to be told of something else. */
import { stat } from "node:fs/promises";
import type { NfsExport } from "./exports.ts";

export interface Shown {
  /** All that it was told besides which folders there are. */
  readonly frame: string;
  /** By the export's id: what stands behind it. */
  readonly exports: ReadonlyMap<number, string>;
}

/** `reload`: it adds and removes exports while it runs; all else is read when it starts. */
export type Change = "none" | "reload" | "restart";

export function changeBetween(before: Shown, after: Shown): Change {
  const kept = [...after.exports].filter(([id]) => before.exports.has(id));
  const isReplaced = kept.some(([id, about]) => before.exports.get(id) !== about);
  if (before.frame !== after.frame || isReplaced) return "restart";
  const isSame = kept.length === before.exports.size && kept.length === after.exports.size;
  return isSame ? "none" : "reload";
}

export interface PresentExport extends NfsExport {
  /** Tells its folder from another one that has taken its place: handles of the old one mean nothing there. */
  readonly about: string;
}

/** Those whose folder is there. */
export async function presentExports(exports: readonly NfsExport[]): Promise<readonly PresentExport[]> {
  const looked = exports.map(async (each) => {
    const found = await stat(each.folder).catch(() => undefined);
    if (!found?.isDirectory()) return [];
    return [{ ...each, about: `${each.path} ${each.folder} ${found.dev}:${found.ino}` }];
  });
  return (await Promise.all(looked)).flat();
}
