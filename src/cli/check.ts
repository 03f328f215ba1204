/** `everboot check`: every problem of the site file, with line and column. */
import { stat } from "node:fs/promises";
import { siteJsonSchema } from "../site/json-schema.ts";
import { loadSite } from "../site/load.ts";
import type { Site } from "../site/model.ts";
import { type Finding, formatProblem, type Problem, sortProblems } from "../site/problem.ts";
import type { Command, Io } from "./command.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { readSiteFile } from "./site-file.ts";

/** Looks at the world outside the site file; what it finds is told as a warning at its place in the file. */
export type WorldCheck = (site: Site) => Promise<readonly Omit<Finding, "severity">[]>;

interface Verdict {
  readonly site?: Site;
  readonly problems: readonly Problem[];
}

const USAGE = `check [-c FILE] [--json | --json-schema]
  -c FILE        the site file (default site.yaml, everboot.yaml, /etc/everboot/site.yaml: the first that is there)
  --json         print problems and counts as JSON
  --json-schema  print the JSON Schema of site files, for editors`;

const OPTIONS = {
  config: { type: "string", short: "c" },
  json: { type: "boolean" },
  "json-schema": { type: "boolean" },
} as const;

export function createCheckCommand(worldChecks: readonly WorldCheck[]): Command {
  return {
    name: "check",
    summary: "every problem of the site file, with line and column",
    usage: USAGE,
    async run(args, io) {
      const { values, positionals } = parseOptions(args, OPTIONS);
      wantPositionals(positionals, 0, 0, USAGE);
      if (values["json-schema"]) {
        io.out(JSON.stringify(siteJsonSchema(), null, 2));
        return 0;
      }
      const file = await readSiteFile(values.config, io.cwd);
      const verdict = await examine(file.text, file.path, worldChecks);
      if (values.json) printJson(file.name, verdict, io);
      else printLines(file.name, verdict, io);
      return verdict.site ? 0 : 1;
    },
  };
}

/** A tree's folder, and its keyring, should be there; files of a mirrored tree come by themselves. */
export const checkTreeFiles: WorldCheck = async (site) => {
  const findings = [...site.trees.values()].map(async ({ name, path, upstream, keyring }) => {
    const at = ["trees", name];
    const isFolderMissing = upstream === undefined && !(await exists(path));
    const isKeyringMissing = keyring !== undefined && !(await exists(keyring));
    const todo = `take it in with \`everboot import ... --as ${name}\``;
    return [
      ...(isFolderMissing
        ? [{ path: [...at, "path"], what: `tree ${name}: folder ${path} is not there yet`, todo }]
        : []),
      ...(isKeyringMissing
        ? [{ path: [...at, "keyring"], what: `tree ${name}: keyring ${keyring} is not there`, todo: "put it there" }]
        : []),
    ];
  });
  return (await Promise.all(findings)).flat();
};

async function examine(text: string, path: string, worldChecks: readonly WorldCheck[]): Promise<Verdict> {
  const loaded = loadSite(text, path);
  if (!("site" in loaded)) return loaded;
  const { site, warnings, locate } = loaded;
  const found = (await Promise.all(worldChecks.map((check) => check(site)))).flat();
  const located = found.map((finding) => locate({ ...finding, severity: "warning" }));
  return { site, problems: sortProblems([...warnings, ...located]) };
}

function printLines(file: string, { site, problems }: Verdict, io: Io): void {
  for (const problem of problems) io.err(formatProblem(file, problem));
  if (!site) return;
  const counts = Object.entries(countParts(site)).map(([part, count]) => counted(count, part));
  io.out(`${file}: well: ${counts.join(", ")}`);
}

function printJson(file: string, { site, problems }: Verdict, io: Io): void {
  const about = site ? { site: site.name, revision: site.revision, counts: countParts(site) } : {};
  io.out(JSON.stringify({ file, well: site !== undefined, ...about, problems }, null, 2));
}

function countParts(site: Site) {
  return {
    servers: site.servers.size,
    subnets: site.subnets.length,
    hosts: site.hosts.size,
    profiles: site.profiles.size,
    trees: site.trees.size,
  };
}

function counted(count: number, plural: string): string {
  return `${count} ${count === 1 ? plural.slice(0, -1) : plural}`;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false;
  }
}
