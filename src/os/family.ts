/** The port of an OS family: how one distribution's installer is started and answered. Pure: text in, text out. */
import type { Mac } from "../base/address.ts";
import type { Host, Profile, Site, Tree } from "../site/model.ts";
import type { ServerView } from "../site/server-view.ts";

/** Paths by which the installer reaches us; all absolute URLs, rendered for the server that answers. */
export interface InstallUrls {
  readonly server: ServerView;
  /** Folder of the tree: `http://192.168.77.1/trees/debian-12`. */
  readonly tree: string;
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
  readonly urls: InstallUrls;
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
}

/** Events that an installer reports, in the order of an install; the last path part of the report's URL. */
export const REPORT_EVENTS = ["answer", "partition", "packages", "post", "done", "failed"] as const;
export type ReportEvent = (typeof REPORT_EVENTS)[number];

export interface Family {
  readonly name: string;
  /** Where in a tree's folder kernel and initrd may lie, best first, relative paths. */
  bootFiles(tree: Tree): ReadonlyArray<{ readonly kernel: string; readonly initrd: string }>;
  render(input: FamilyInput): Rendered;
  /** What this family cannot do of what the site file asks for this host; empty = all of it. */
  problems(host: Host): readonly string[];
}
