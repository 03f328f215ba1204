/** `everboot import FOLDER --as TREE`: takes netboot images or a mirror into a tree. */
import { resolve } from "node:path";
import { systemClock } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";
import { type ImportProgress, type ImportResult, importFolder } from "../content/import.ts";
import type { Site, Tree } from "../site/model.ts";
import { suggestion } from "../site/nearest.ts";
import type { Command, Io } from "./command.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { requireSite } from "./site-file.ts";

const USAGE = `everboot import FOLDER --as TREE [-c FILE] [--json]

Takes the files of FOLDER into a tree of the site file. FOLDER is one of
  an installer's netboot images: a folder with linux and initrd.gz at or below it
  a mirror: a folder with dists/ and pool/
Several imports into one tree add up.

  --as TREE          the tree, by its name in the site file
  -c, --config FILE  the site file
  --json             tells what was taken in as JSON`;

/** Milliseconds between two lines of progress. */
const PROGRESS_EVERY = 2_000;

export const importCommand: Command = {
  name: "import",
  summary: "takes netboot images or a mirror into a tree",
  usage: USAGE,
  async run(args, io) {
    const { values, positionals } = parseOptions(args, {
      as: { type: "string" },
      config: { type: "string", short: "c" },
      json: { type: "boolean" },
    });
    const [folder = ""] = wantPositionals(positionals, 1, 1, USAGE);
    if (values.as === undefined) throw new EverbootError("usage", { what: "name the tree with --as TREE" });
    const { site } = await requireSite(values.config, io);
    const tree = findTree(site, values.as);
    const source = isUrl(folder) ? folder : resolve(io.cwd, folder);
    const onProgress = values.json ? () => {} : progressLines(io);
    const result = await importFolder(source, tree, { onProgress, signal: io.signal });
    tell(io, tree, result, values.json ?? false);
    return 0;
  },
};

/** importFolder says of a URL that it is one. */
function isUrl(text: string): boolean {
  return text.includes("://");
}

function findTree(site: Site, name: string): Tree {
  const tree = site.trees.get(name);
  if (tree !== undefined) return tree;
  throw new EverbootError("tree-unknown", { tree: name, hint: `: ${suggestion(name, [...site.trees.keys()])}` });
}

function progressLines(io: Io): (progress: ImportProgress) => void {
  let last = systemClock.now();
  return ({ files, totalFiles, bytes }) => {
    if (systemClock.now() - last < PROGRESS_EVERY) return;
    last = systemClock.now();
    io.err(`${files} of ${totalFiles} files, ${megabytes(bytes)}`);
  };
}

function tell(io: Io, tree: Tree, result: ImportResult, json: boolean): void {
  const { files, kind, kernelVersion } = result;
  if (json) {
    io.out(JSON.stringify({ tree: tree.name, path: tree.path, kind, kernelVersion, files }));
    return;
  }
  const total = files.reduce((sum, file) => sum + file.size, 0);
  if (kind === "netboot") for (const file of files) io.out(`${file.path}  ${megabytes(file.size)}`);
  if (kernelVersion !== undefined) io.out(`kernel ${kernelVersion}`);
  io.out(`tree ${tree.name} at ${tree.path}: took in ${files.length} files, ${megabytes(total)}`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
