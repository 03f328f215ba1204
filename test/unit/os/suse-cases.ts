/** Inputs of the families suse and agama for their tests, and trees by listings of media. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FamilyInput, OverlayFile, Rendered, TreeFiles } from "../../../src/os/family.ts";
import type { Host, Site } from "../../../src/site/model.ts";
import { serverUrls } from "../../support/server-urls.ts";
import { siteOf } from "../../support/sites.ts";

export const FIXTURES = join(dirname(fileURLToPath(import.meta.url)), "../../fixtures");

export interface Small {
  readonly family: "suse" | "agama";
  readonly release: string;
  /** More keys of the profile and of the host, as YAML in one line each. */
  readonly profile?: readonly string[];
  readonly host?: readonly string[];
}

/** One host with two NICs, and two servers. */
export function smallInput({ family, release, profile = [], host = [] }: Small): FamilyInput {
  const lines = (entries: readonly string[]) => entries.map((entry) => `    ${entry}\n`).join("");
  const site = siteOf(`site: small
subnets:
  - {cidr: 192.168.77.0/24, router: 192.168.77.1, dns: [192.168.77.1], domain: lab.example}
servers:
  one: {address: 192.168.77.11}
  two: {address: 192.168.77.12, http_port: 8080}
trees:
  tree: {family: ${family}, release: "${release}", path: /srv/tree}
profiles:
  p:
    tree: tree
${lines(profile)}hosts:
  vm1:
    nics: ["52:54:00:00:00:01", "52:54:00:00:00:02"]
    address: 192.168.77.101
    profile: p
${lines(host)}`);
  return inputOf(site, site.hosts.get("vm1"));
}

/** As the host gets it that booted from its first NIC. */
export function inputOf(site: Site, host: Host | undefined): FamilyInput {
  if (!host) throw new Error("the site has no such host");
  const { profile, nics } = host;
  return { site, host, profile, tree: profile.tree, mac: nics[0], servers: serverUrls(site, host) };
}

/** The input, with servers of the test's own: `http://127.0.0.1:PORT`. */
export function servedBy(input: FamilyInput, ports: readonly number[]): FamilyInput {
  const [first, ...others] = ports.map((port) => {
    const base = `http://127.0.0.1:${port}`;
    const view = { ...input.servers[0].view, httpPort: port };
    const tree = `${base}/trees/tree`;
    return { view, tree, lastingTree: tree, ftpTree: tree, nfsTree: tree, report: `${base}/report/t0ken` };
  });
  if (!first) throw new Error("no server");
  return { ...input, servers: [first, ...others] };
}

/** Source of a script of an AutoYaST profile. */
export function scriptOf({ answer }: Rendered, filename: string): string {
  const [, source] =
    new RegExp(
      `<filename>${filename}</filename>(?:(?!</script>)[\\s\\S])*<source><!\\[CDATA\\[([\\s\\S]*?)\\]\\]></source>`,
    ).exec(answer.text) ?? [];
  if (source === undefined) throw new Error(`the profile has no script ${filename}`);
  return source;
}

export function overlayText({ overlay }: Rendered, path: string): string {
  const content = overlay.find((file) => file.path === path)?.content;
  if (typeof content !== "string") throw new Error(`the overlay has no text ${path}`);
  return content;
}

/** The overlay as one text: a headline for each file, as `head` prints it. */
export function listing(files: readonly OverlayFile[]): string {
  return files.map(({ path, mode, content }) => `==> ${path} ${mode.toString(8)} <==\n${content}`).join("\n");
}

/** A listing, a path on each line; after it the texts of some files, each under a line `== <path>`. */
export function treeFiles(name: string): TreeFiles {
  const [list = "", ...sections] = readFileSync(join(FIXTURES, "trees", name), "utf8").split(/^== /m);
  const texts = new Map(sections.map((text) => [text.split("\n")[0] ?? "", text.slice(text.indexOf("\n") + 1)]));
  const paths = [...list.trim().split("\n"), ...texts.keys()];
  const below = (folder: string) =>
    paths.filter((path) => path.startsWith(folder)).map((path) => path.slice(folder.length));
  return {
    has: (path) => paths.includes(path) || below(`${path}/`).length > 0,
    names: (folder) =>
      [...new Set(below(folder === "" ? "" : `${folder}/`).map((path) => path.split("/")[0] ?? ""))].sort(),
    text: (path) => texts.get(path),
  };
}
