/** The site files that a daemon may serve by: its own, the one that was applied, and the last one that it served. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EverbootError } from "./base/errors.ts";
import type { AppliedSite } from "./cluster/site-revisions.ts";
import { writeDurably } from "./content/durable.ts";
import { loadSite } from "./site/load.ts";
import type { Site } from "./site/model.ts";

export interface ServedSite {
  readonly site: Site;
  readonly text: string;
  /** How manyth it was when it was applied; 0 = the server's own file. */
  readonly number: number;
}

/** A server's own site file: what it starts with until one is applied, and where relative paths of all start from. */
export interface OwnFile {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
  readonly site: Site;
}

/** In the state folder: the last applied site file that this server has served well. */
const KEPT = "served-site.json";

export class SiteRevisionsHere {
  readonly own: ServedSite;
  private readonly file: OwnFile;
  private readonly folder: string;

  constructor(file: OwnFile, folder: string) {
    this.file = file;
    this.folder = folder;
    this.own = { site: file.site, text: file.text, number: 0 };
  }

  /** Throws EverbootError `site-unusable` for what this version of Everboot cannot load. */
  load({ text, number }: Pick<AppliedSite, "text" | "number">): ServedSite {
    const loaded = loadSite(text, this.file.path);
    if ("site" in loaded) return { site: loaded.site, text, number };
    const [problem] = loaded.problems.filter(({ severity }) => severity === "error");
    const reason = problem ? `line ${problem.line}: ${problem.what}` : "it has problems";
    throw new EverbootError("site-unusable", { number, reason });
  }

  /** Undefined = none, or none that this version can load. */
  kept(): ServedSite | undefined {
    try {
      return this.load(JSON.parse(readFileSync(join(this.folder, KEPT), "utf8")));
    } catch {
      return undefined;
    }
  }

  async keep({ text, number }: ServedSite): Promise<void> {
    const path = join(this.folder, KEPT);
    await writeDurably(path, `${path}.new`, (handle) => handle.writeFile(JSON.stringify({ number, text })));
  }
}
