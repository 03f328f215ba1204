/** `everboot import SOURCE --as TREE`: takes an install medium, netboot images or a mirror into a tree. */
import { resolve } from "node:path";
import { systemClock } from "../base/clock.ts";
import { describeTree, type FoundTree } from "../content/detect-tree.ts";
import { type ImportOptions, type ImportResult, identify, importTree } from "../content/import.ts";
import { FAMILIES } from "../registry.ts";
import type { Tree } from "../site/model.ts";
import type { Command, Io } from "./command.ts";
import { createProgressTeller } from "./import-progress.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { requireSite } from "./site-file.ts";
import { bytesText, countText } from "./status-units.ts";
import { findTree } from "./tree-named.ts";
import { haveDaemonLook, type TellDaemon, tellNobody, type UsedVersions, usedByDaemon } from "./tree-use.ts";

const USAGE = `everboot import SOURCE [--as TREE] [--replace] [-c FILE] [--state DIR] [--json]

Takes the files of SOURCE into a tree of the site file, as a new version beside the one that is served; when it is whole
and checked, it is served in that one's place. SOURCE is one of
  an install medium of the tree's family: a folder where it is mounted or unpacked, or its ISO file (needs bsdtar)
  the URL of an ISO file (http or https); a download that broke off goes on when the command is run again
  for Debian, an installer's netboot images: a folder with linux and initrd.gz at or below it
  for Debian, a mirror: a folder with dists/ and pool/
Several imports into one tree add up. Without --as: tells what SOURCE is, and how to declare a tree for it.

  --as TREE          the tree, by its name in the site file
  --replace          the new version has the files of SOURCE alone, none of the old one's
  -c, --config FILE  the site file
  --state DIR        the daemon's state folder: it is asked which old versions running installs still read, and told of
                     the new one, so that all servers of the site fetch it and serve it
  --json             tells what was taken in, or what SOURCE is, as JSON`;

/** `used`: asked before old versions are removed; `changed`: called when a version has come. */
export function createImportCommand(used: UsedVersions, changed: TellDaemon = tellNobody): Command {
  return {
    name: "import",
    summary: "takes an install medium, netboot images or a mirror into a tree",
    usage: USAGE,
    async run(args, io) {
      const { values, positionals } = parseOptions(args, {
        as: { type: "string" },
        replace: { type: "boolean" },
        config: { type: "string", short: "c" },
        state: { type: "string" },
        json: { type: "boolean" },
      });
      const [named = ""] = wantPositionals(positionals, 1, 1, USAGE);
      const source = isUrl(named) ? named : resolve(io.cwd, named);
      const json = values.json ?? false;
      if (values.as === undefined) {
        await describe(source, named, io, json);
        return 0;
      }
      const tree = findTree((await requireSite(values.config, io)).site, values.as);
      const result = await importTold(source, tree, io, json, {
        replace: values.replace ?? false,
        used: () => used(tree.name, io, values.state),
      });
      await changed(io, values.state);
      tell(io, tree, result, json);
      return 0;
    },
  };
}

export const importCommand: Command = createImportCommand(usedByDaemon, haveDaemonLook);

function isUrl(text: string): boolean {
  return text.includes("://");
}

async function importTold(
  source: string,
  tree: Tree,
  io: Io,
  json: boolean,
  options: ImportOptions,
): Promise<ImportResult> {
  const teller = createProgressTeller(io, systemClock);
  try {
    const telling = json ? {} : { onProgress: teller.tell };
    return await importTree(source, tree, FAMILIES, { ...options, ...telling, signal: io.signal });
  } finally {
    teller.end();
  }
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

function tell(io: Io, tree: Tree, result: ImportResult, json: boolean): void {
  const { files, kind, kernelVersion, found, notes, checked } = result;
  if (json) {
    const { version, before, adopted, removed } = result;
    const versions = { version, before, adopted, removed };
    io.out(
      JSON.stringify({ tree: tree.name, path: tree.path, kind, kernelVersion, ...versions, checked, notes, files }),
    );
    return;
  }
  const total = files.reduce((sum, file) => sum + file.size, 0);
  if (found) tellFound(io, found);
  if (kind === "netboot") for (const file of files) io.out(`${file.path}  ${bytesText(file.size)}`);
  if (kernelVersion !== undefined) io.out(`kernel ${kernelVersion}`);
  for (const note of notes) io.out(note);
  io.out(`${checked} of ${countText(files.length, "file")} are what the lists of hashes beside them say`);
  io.out(`tree ${tree.name} at ${tree.path}: took in ${countText(files.length, "file")}, ${bytesText(total)}`);
  for (const line of versionLines(result)) io.out(line);
}

function versionLines({ version, before, adopted, removed }: ImportResult): string[] {
  const lines = adopted === undefined ? [] : [`what lay in its folder is version ${adopted} now`];
  if (before === version) return [...lines, `nothing is new: version ${version} stays`];
  lines.push(`version ${version} is served now${before === undefined ? "" : `, in place of ${before}`}`);
  if (removed.length > 0) lines.push(`removed old versions: ${removed.join(", ")}`);
  return lines;
}
