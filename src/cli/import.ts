/** `everboot import SOURCE --as TREE`: takes an install medium, netboot images or a mirror into a tree. */
import { resolve } from "node:path";
import { systemClock } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";
import { describeTree, type FoundTree } from "../content/detect-tree.ts";
import { type ImportProgress, type ImportResult, identify, importTree } from "../content/import.ts";
import { FAMILIES } from "../registry.ts";
import type { Site, Tree } from "../site/model.ts";
import { suggestion } from "../site/nearest.ts";
import type { Command, Io } from "./command.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { requireSite } from "./site-file.ts";

const USAGE = `everboot import SOURCE [--as TREE] [-c FILE] [--json]

Takes the files of SOURCE into a tree of the site file. SOURCE is one of
  an install medium of the tree's family: a folder where it is mounted or unpacked, or its ISO file (needs bsdtar)
  for Debian, an installer's netboot images: a folder with linux and initrd.gz at or below it
  for Debian, a mirror: a folder with dists/ and pool/
Several imports into one tree add up. Without --as: tells what SOURCE is, and how to declare a tree for it.

  --as TREE          the tree, by its name in the site file
  -c, --config FILE  the site file
  --json             tells what was taken in, or what SOURCE is, as JSON`;

/** Milliseconds between two lines of progress. */
const PROGRESS_EVERY = 2_000;

export const importCommand: Command = {
  name: "import",
  summary: "takes an install medium, netboot images or a mirror into a tree",
  usage: USAGE,
  async run(args, io) {
    const { values, positionals } = parseOptions(args, {
      as: { type: "string" },
      config: { type: "string", short: "c" },
      json: { type: "boolean" },
    });
    const [named = ""] = wantPositionals(positionals, 1, 1, USAGE);
    const source = isUrl(named) ? named : resolve(io.cwd, named);
    const json = values.json ?? false;
    if (values.as === undefined) {
      await describe(source, named, io, json);
      return 0;
    }
    const { site } = await requireSite(values.config, io);
    const tree = findTree(site, values.as);
    const telling = json ? {} : { onUnpack: () => io.err(`unpacking ${named}`), onProgress: progressLines(io) };
    const result = await importTree(source, tree, FAMILIES, { ...telling, signal: io.signal });
    tell(io, tree, result, json);
    return 0;
  },
};

/** importTree says of a URL that it is one. */
function isUrl(text: string): boolean {
  return text.includes("://");
}

/** What the source is, and the line of the site file for it. */
async function describe(source: string, named: string, io: Io, json: boolean): Promise<void> {
  const found = await identify(source, FAMILIES);
  const { family, release, arch, product } = found;
  const name = `${family}-${release}`;
  // A release such as 9.6 would be a number without the quotes.
  const keys = [`family: ${family}`, `release: ${JSON.stringify(release)}`, `arch: ${arch}`, `path: ./trees/${name}`];
  const line = `  ${name}: {${keys.join(", ")}}`;
  if (json) return io.out(JSON.stringify({ family, release, arch, product, line }));
  tellFound(io, found);
  io.out(
    `to install it, add this line below \`trees:\` of the site file, and \`everboot import ${named} --as ${name}\`:`,
  );
  io.out(line);
}

function tellFound(io: Io, found: FoundTree): void {
  io.out(describeTree(found));
  if (found.others.length === 0) return;
  io.err(`${found.others.join(", ")} would take it too: if it is that, declare the tree with that family`);
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
  const { files, kind, kernelVersion, found } = result;
  if (json) {
    io.out(JSON.stringify({ tree: tree.name, path: tree.path, kind, kernelVersion, files }));
    return;
  }
  const total = files.reduce((sum, file) => sum + file.size, 0);
  if (found) tellFound(io, found);
  if (kind === "netboot") for (const file of files) io.out(`${file.path}  ${megabytes(file.size)}`);
  if (kernelVersion !== undefined) io.out(`kernel ${kernelVersion}`);
  io.out(`tree ${tree.name} at ${tree.path}: took in ${files.length} files, ${megabytes(total)}`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
