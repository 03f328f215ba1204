/** Sites that exports are rendered from, and their files. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Export } from "../../../src/export/exports.ts";
import { lastingView } from "../../../src/os/server-urls.ts";
import type { Site } from "../../../src/site/model.ts";
import { matrixSite } from "../../support/bond-matrix.ts";
import { assertGolden } from "../../support/golden.ts";
import { exampleSite, siteOf } from "../../support/sites.ts";

export const FIXTURES = join(dirname(fileURLToPath(import.meta.url)), "../../fixtures/judges");

/**
 * All kinds of subnet; strangers are let in, with a name server inside the pool; host names that mean something to an
 * engine; every loader; a server that is known by its floating address.
 */
export const EDGES = `
site: edges
subnets:
  - {cidr: 192.168.77.0/24, router: 192.168.77.1, dns: [192.168.77.120, 10.2.0.53], pool: 192.168.77.100-192.168.77.150, lease: 90m}
  - {cidr: 10.2.0.0/16, domain: lab.example, pool: 10.2.9.1-10.2.9.9, dhcp: off}
  - {cidr: 10.3.0.0/25, router: 10.3.0.1, pool: 10.3.0.100-10.3.0.126, dhcp: proxy}
unknown: plain
servers:
  one: {address: 192.168.77.2, floating: 192.168.77.3, http_port: 8080}
  two: {address: 192.168.77.4}
trees:
  debian-12: {family: debian, release: bookworm, path: /srv/debian-12}
profiles:
  plain: {tree: debian-12}
hosts:
  ignore: {nics: ["52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:00:00:03"], address: 192.168.77.51, profile: plain}
  "12": {nics: ["52:54:00:00:00:12"], address: 192.168.77.52, profile: plain, loader: ipxe-full}
  range: {nics: ["52:54:00:00:00:13"], address: 10.2.0.13, profile: plain, loader: pxelinux}
  group: {nics: ["52:54:00:00:00:14"], address: 10.2.0.14, profile: plain, loader: grub}
  guest: {nics: ["52:54:00:00:00:15"], address: 10.3.0.15, profile: plain}
`;

export const SITES: ReadonlyMap<string, Site> = new Map([
  ["single", exampleSite("single")],
  ["pair", exampleSite("pair")],
  ["edges", siteOf(EDGES)],
  ["no hosts", exampleSite("single", (text) => text.replace(/^hosts:[\s\S]*/m, ""))],
  ["matrix", matrixSite({ family: "debian", release: "bookworm" })],
]);

/** Texts by path, as for the site's first server. */
export function textsOf(format: Export, site: Site): ReadonlyMap<string, string> {
  const [server] = site.servers.values();
  if (!server) throw new Error("a site without servers");
  const files = format.render(site, lastingView(server));
  return new Map(files.flatMap((file) => (file.kind === "text" ? [[file.path, file.text] as const] : [])));
}

/** The golden files of `single` and `edges`. */
export function assertGoldenExport(format: Export, name: "single" | "edges"): void {
  const site = SITES.get(name);
  if (!site) throw new Error(name);
  const files = [...textsOf(format, site)].map(([path, text]) => `==> ${path}\n${text}`);
  assertGolden(`export/${format.name}/${name}.txt`, files.join("\n"));
}

/** Gives the files to `use` in a folder that is gone afterwards; `edit` makes paths fit. */
export function inFolder<T>(
  files: ReadonlyMap<string, string>,
  use: (folder: string) => T,
  edit: (text: string, folder: string) => string = (text) => text,
): T {
  const folder = mkdtempSync(join(tmpdir(), "everboot-export-"));
  try {
    for (const [path, text] of files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), edit(text, folder));
    }
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
