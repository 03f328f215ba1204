/** NFS servers that others run: exports(5) of Linux's own, and nfs-ganesha 4, which needs none in the kernel. */
import { formatCidr } from "../base/address.ts";
import { type NfsExport, nfsExports } from "../server/nfs/exports.ts";
import { ganeshaConfig } from "../server/nfs/ganesha-config.ts";
import type { Site } from "../site/model.ts";
import { type Export, origin } from "./exports.ts";

/** Where Debian's package has ganesha keep what it notes of its clients. */
const RECOVERY = "/var/lib/nfs/ganesha";

export const nfs: Export = {
  name: "nfs",
  givesAddresses: false,
  summary: "exports for the kernel's NFS server, ganesha.conf for nfs-ganesha 4: trees that are folders",
  render: (site, server) => {
    const head = `# ${origin(site, server, "nfs")}\n`;
    const exports = nfsExports(exportedTrees(site));
    const clients = site.subnets.map(({ cidr }) => cidr);
    const ganesha = ganeshaConfig({
      ...{ exports, versions: [3, 4], clients, site: site.name, server: server.name ?? server.address },
      recovery: RECOVERY,
    });
    const lines = exports.map((each) => `${exportLine(each, clients.map(formatCidr))}\n`);
    return [
      { kind: "text", path: "exports", text: head + lines.join("") },
      { kind: "text", path: "ganesha.conf", text: `${head}\n${ganesha}` },
    ];
  },
};

/** A mirror has no files before they are asked for by HTTP. */
export function exportedTrees(site: Site): ReadonlyArray<{ readonly name: string; readonly folder: string }> {
  const folders = [...site.trees.values()].filter(({ upstream }) => upstream === undefined);
  return folders.map(({ name, path }) => ({ name, folder: path }));
}

/**
 * `fsid` makes handles the same on every server whose folder is a file system of the same bytes; `all_squash` as in
 * `ganeshaConfig`; `insecure` lets in clients whose port is above 1023.
 */
function exportLine({ folder, fsid }: NfsExport, clients: readonly string[]): string {
  const options = `ro,all_squash,insecure,no_subtree_check,fsid=${fsid}`;
  return [quoted(folder), ...clients.map((client) => `${client}(${options})`)].join(" ");
}

/** exports(5): unusual characters as octal numbers of their bytes. */
function quoted(path: string): string {
  return path.replace(/[^\w./@+=:,-]/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join(""),
  );
}
