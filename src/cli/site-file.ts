/** Finding, reading and loading the site file that a command works on. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { EverbootError, errnoOf } from "../base/errors.ts";
import { type LoadedSite, loadSite } from "../site/load.ts";
import { formatProblem } from "../site/problem.ts";
import type { Io } from "./command.ts";

/** Where a site file is looked for when none is named, first to last. */
const USUAL_NAMES = ["site.yaml", "everboot.yaml", "/etc/everboot/site.yaml"];

export interface SiteFile {
  /** As the operator named it: for messages. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly text: string;
}

/** Rejects with EverbootError `site-unreadable`. `named` is what stands after `-c`, relative to `cwd`. */
export async function readSiteFile(named: string | undefined, cwd: string): Promise<SiteFile> {
  if (named !== undefined) return readNamed(named, cwd);
  for (const name of USUAL_NAMES) {
    try {
      return await readNamed(name, cwd);
    } catch (error) {
      if (!(error instanceof EverbootError) || errnoOf(error.cause) !== "ENOENT") throw error;
    }
  }
  const [file = "", ...others] = USUAL_NAMES;
  throw new EverbootError("site-unreadable", { file, reason: `no such file, nor ${others.join(" or ")}` });
}

/**
 * The site, or EverbootError `site-unreadable` or `site-invalid`, the latter after all problems have been written to
 * `io.err`.
 */
export async function requireSite(
  named: string | undefined,
  io: Pick<Io, "cwd" | "err">,
): Promise<SiteFile & Omit<LoadedSite, "locate">> {
  const file = await readSiteFile(named, io.cwd);
  const loaded = loadSite(file.text, file.path);
  if ("site" in loaded) return { ...file, site: loaded.site, warnings: loaded.warnings };
  for (const problem of loaded.problems) io.err(formatProblem(file.name, problem));
  const errors = loaded.problems.filter(({ severity }) => severity === "error");
  throw new EverbootError("site-invalid", { file: file.name, count: errors.length });
}

async function readNamed(name: string, cwd: string): Promise<SiteFile> {
  const path = resolve(cwd, name);
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
    return { name, path, text };
  } catch (error) {
    throw new EverbootError("site-unreadable", { file: name, reason: reasonOf(errnoOf(error)) }, error);
  }
}

function reasonOf(errno: string | undefined): string {
  switch (errno) {
    case "ENOENT":
      return "no such file";
    case "EACCES":
      return "not allowed";
    case "EISDIR":
      return "it is a folder";
    case "ERR_ENCODING_INVALID_ENCODED_DATA":
      return "not UTF-8 text";
    default:
      return errno ?? "unknown reason";
  }
}
