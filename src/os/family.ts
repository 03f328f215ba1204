/** The port of an OS family: how one distribution's installer is started and answered. Pure: text in, text out. */
import type { Mac } from "../base/address.ts";
import type { Host, Profile, Site, Tree } from "../site/model.ts";
import type { ServerView } from "../site/server-view.ts";
import type { LogReader } from "./log-lines.ts";

/** One install server as the installer reaches it; absolute URLs without a slash at their end. */
export interface ServerUrls {
  readonly view: ServerView;
  /** Folder of the tree, in the version of this boot: `http://192.168.77.1/trees/debian-12@3f9c0a51b2d4`. */
  readonly tree: string;
  /** The same, whichever version is served: for the installed system, which outlives versions. */
  readonly lastingTree: string;
  /** The tree in this boot's version by FTP, and by NFS: `nfs://192.168.77.1/trees/debian-12/.everboot-versions/3f9c0a51b2d4`. */
  readonly ftpTree: string;
  readonly nfsTree: string;
  /** Reports go to `<report>/<event>`: `http://192.168.77.1/report/<token>`. */
  readonly report: string;
}

export interface FamilyInput {
  readonly site: Site;
  readonly host: Host;
  readonly profile: Profile;
  readonly tree: Tree;
  /** The NIC that booted. */
  readonly mac: Mac;
  /** Every server of the site, in this host's order: the installer walks the list wherever it can. */
  readonly servers: readonly [ServerUrls, ...ServerUrls[]];
  /** Bytes of the tree's own keyring, if it has one. */
  readonly keyring?: Uint8Array;
}

export interface OverlayFile {
  /** Path in the installer's file system, without a leading slash. */
  readonly path: string;
  readonly mode: number;
  readonly content: Uint8Array | string;
}

export interface Rendered {
  /** For the installer's kernel, in order. */
  readonly kernelArguments: readonly string[];
  /** The answer file as an operator wants to read it. */
  readonly answer: { readonly name: string; readonly contentType: string; readonly text: string };
  /** Files added to the installer's initrd, the answer file among them. */
  readonly overlay: readonly OverlayFile[];
  /** The overlay comes before the initrd, not after it: it may then replace no file of the initrd. */
  readonly overlayFirst?: boolean;
}

/**
 * Events that are reported, in the order of an install; the last path part of the report's URL. The last is the
 * installed system's own (first-boot.ts); all others are the installer's.
 */
export const REPORT_EVENTS = ["answer", "partition", "packages", "post", "done", "failed", "first-boot"] as const;
export type ReportEvent = (typeof REPORT_EVENTS)[number];

/** What lies in a folder that may be a tree. */
export interface TreeFiles {
  /** Is there a file or folder with this relative path? */
  has(path: string): boolean;
  /** Names in a folder (relative path, `""` = the top), sorted; empty when it is not there. */
  names(folder: string): readonly string[];
  /** Text of a small file; undefined when it is not there. */
  text(path: string): string | undefined;
}

/** What a tree's own files say of it. */
export interface DetectedTree {
  /** As `trees.<tree>.release` has it: `bookworm`, `9`, `15.6`, `24.04`. */
  readonly release: string;
  /** In Debian's names: `amd64`, `arm64`. */
  readonly arch: string;
  /** For the operator: `Rocky Linux 9.6`. */
  readonly product: string;
}

/** Relative paths. */
export interface BootFilePaths {
  readonly kernel: string;
  readonly initrd: string;
  /** What the initrd fetches for ever, if it is not there. */
  readonly needs?: readonly string[];
}

export interface Family {
  readonly name: string;
  /** Is this a tree of the family? Says which, from the files that its media have. */
  detect(files: TreeFiles): DetectedTree | undefined;
  /** Where in a tree's folder kernel and initrd may lie, best first. */
  bootFiles(tree: Tree): readonly BootFilePaths[];
  render(input: FamilyInput): Rendered;
  /** What this family cannot do of what the site file asks for this host, each with what to do; empty = all of it. */
  problems(host: Host): readonly string[];
  /** What a line of its installer's log tells. */
  readonly readLog: LogReader;
}

/** The family of a tree: the schema of the site file lets no other name through. */
export function familyOf(families: ReadonlyMap<string, Family>, tree: Pick<Tree, "family">): Family {
  const family = families.get(tree.family);
  if (!family) throw new Error(`no family ${tree.family}`);
  return family;
}
