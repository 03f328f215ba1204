/** The configuration of nfs-ganesha 4, a server in user space (ganesha-config(8) and its kin). Pure. */
import { type Cidr, formatCidr } from "../../base/address.ts";
import type { NfsExport } from "./exports.ts";

/** IANA's for `nfs` and `mountd`: fixed, so that firewalls can let them in and heirs have the same. */
export const NFS_PORT = 2049;
export const MOUNT_PORT = 20048;

/** Versions of the protocol: RFC 1813, and RFC 7530, 8881 and 7862 (4.0, 4.1, 4.2). */
export type NfsVersion = 3 | 4;

export interface GaneshaOptions {
  readonly exports: readonly NfsExport[];
  /** At least one. */
  readonly versions: readonly NfsVersion[];
  /** Who may read; empty = everybody. */
  readonly clients: readonly Cidr[];
  /** The site's name. */
  readonly site: string;
  /** This server's name in the site file. */
  readonly server: string;
  /** Folder for what it notes of its clients. */
  readonly recovery: string;
  /** Folder of its modules, where that is not what it was built with. */
  readonly plugins?: string;
}

export function ganeshaConfig(options: GaneshaOptions): string {
  const { exports, clients } = options;
  const blocks = [
    block("NFS_CORE_PARAM", coreLines(options)),
    block("NFSv4", stateLines(options)),
    block("EXPORT_DEFAULTS", accessLines(options)),
    ...exports.map((each) => block("EXPORT", exportLines(each, clients))),
  ];
  return blocks.join("\n");
}

function coreLines({ versions, plugins }: GaneshaOptions): string[] {
  return [
    ...(plugins === undefined ? [] : [`Plugins_Dir = "${plugins}";`]),
    `Protocols = ${versions.join(", ")};`,
    `NFS_Port = ${NFS_PORT};`,
    `MNT_Port = ${MOUNT_PORT};`,
    // Some small clients know mountd by UDP alone; files go by TCP.
    "Enable_UDP = Mount;",
    // Nobody locks what nobody writes.
    "Enable_NLM = false;",
    "Enable_RQUOTA = false;",
    // The same path for both versions of the protocol.
    "Mount_Path_Pseudo = true;",
  ];
}

/** All state of readers can be had anew, so nobody has to wait for those who were there before. */
function stateLines({ site, server, recovery }: GaneshaOptions): string[] {
  return [
    "Graceless = true;",
    `RecoveryRoot = "${recovery}";`,
    // To a client the servers of a site are one service by several machines (RFC 8881 section 2.10.4).
    `Server_Scope = "${site}";`,
    `Server_Owner = "${server}";`,
    // Owners go by number: without idmapd.conf nothing else starts.
    "UseGetpwnam = true;",
    "Only_Numeric_Owners = true;",
  ];
}

/**
 * Nobody writes, and nobody is root: a handle that is made up can name any file of the file system that a tree lies in.
 */
function accessLines({ versions, clients }: GaneshaOptions): string[] {
  return [
    `Access_Type = ${clients.length === 0 ? "RO" : "None"};`,
    `Protocols = ${versions.join(", ")};`,
    "Transports = TCP, UDP;",
    "Squash = All_Squash;",
    "SecType = sys;",
  ];
}

function exportLines({ id, folder, path }: NfsExport, clients: readonly Cidr[]): string[] {
  const known = clients.map(formatCidr).join(", ");
  return [
    ...[`Export_Id = ${id};`, `Path = "${folder}";`, `Pseudo = "${path}";`],
    ...(clients.length === 0 ? [] : [`CLIENT { Clients = ${known}; Access_Type = RO; }`]),
    "FSAL { Name = VFS; }",
  ];
}

function block(head: string, lines: readonly string[]): string {
  return `${head} {\n${lines.map((line) => `  ${line}\n`).join("")}}\n`;
}
