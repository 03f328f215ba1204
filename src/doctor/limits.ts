/** May the daemon open as many files as the site's machines want together? */
import { readFile } from "node:fs/promises";
import type { Check } from "./check.ts";
import { type Finding, finding, unseen } from "./findings.ts";

/** Connections and files of one machine that installs, at their peak. */
const FILES_PER_HOST = 8;
/** The daemon's own: listeners, state, libraries. */
const OWN_FILES = 256;
/** No more install at a time than servers and networks let in. */
const MOST_AT_ONCE = 1000;

export const limitsCheck: Check = {
  name: "limits",
  of: "machine",
  look: async ({ daemon, site }) => {
    const path = `/proc/${daemon?.pid ?? "self"}/limits`;
    const limit = filesLimit(await readFile(path, "utf8"), daemon !== undefined);
    if (limit === undefined) return [unseen("the limit of open files is not told", `see ${path}`)];
    return judgeFiles(limit, site.hosts.size, path);
  },
};

/** Node raises the soft limit to the hard one when it starts. Undefined when the text has no such line. */
export function filesLimit(limits: string, isDaemon: boolean): number | undefined {
  const [, soft, hard] = /^Max open files\s+(\S+)\s+(\S+)/m.exec(limits) ?? [];
  const limit = isDaemon ? soft : hard;
  if (limit === undefined) return undefined;
  return limit === "unlimited" ? Number.POSITIVE_INFINITY : Number(limit);
}

export function judgeFiles(limit: number, count: number, path: string): readonly Finding[] {
  const wanted = OWN_FILES + Math.min(count, MOST_AT_ONCE) * FILES_PER_HOST;
  if (limit >= wanted) return [];
  return [finding("files-few", { limit, count, wanted }, `${path}: ${limit} open files`)];
}
