/** Kernel and initrd of one install: the tree's own files, the initrd with the answers appended. */
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { type Holds, holdingServers } from "../../balance/holding-orders.ts";
import type { OrderServers } from "../../balance/site-orders.ts";
import type { Mac } from "../../base/address.ts";
import type { PermitFacts } from "../../boot/plan.ts";
import { joinSegments } from "../../content/segments.ts";
import type { Lookup, ServedFile } from "../../content/served-file.ts";
import { type Family, familyOf, type Rendered } from "../../os/family.ts";
import { orderedServers } from "../../os/server-urls.ts";
import type { Host, Site, Tree } from "../../site/model.ts";
import type { ServerView } from "../../site/server-view.ts";
import { encodeCpio } from "../../wire/cpio.ts";
import type { Whereabouts } from "./whereabouts.ts";

export interface InstallOf {
  readonly host: Host;
  /** The NIC that booted. */
  readonly mac: Mac;
  readonly server: ServerView;
  readonly permit: Pick<PermitFacts, "token" | "version">;
}

/** In words, with what to do about it. */
export interface TreeLack {
  readonly what: string;
  readonly todo: string;
  /** It may be there again later, by itself: worth waiting for. */
  readonly isOutage?: true;
}

/** What a boot that begins now is handed. */
export interface Handing {
  /** Of the tree; absent: a plain tree or a mirror, or `lacks` says why not. */
  readonly version?: string;
  readonly lacks?: TreeLack;
}

export interface InstallFiles {
  /** What the tree, as it is served here, lacks to be installed from; undefined = nothing. */
  treeLacks(tree: Tree): Promise<TreeLack | undefined>;
  /** For the client with this address; what another server has is there. Never rejects. */
  handing(tree: Tree, client: string): Promise<Handing>;
  kernel(host: Host, version?: string): Promise<Lookup>;
  initrd(install: InstallOf): Promise<Lookup>;
  kernelArguments(install: InstallOf): Promise<readonly string[]>;
  render(install: InstallOf): Promise<Rendered>;
}

export interface InstallFilesOptions {
  readonly site: Site;
  readonly families: ReadonlyMap<string, Family>;
  readonly order: OrderServers;
  readonly tree: (tree: Tree, path: string, version?: string) => Promise<Lookup>;
  /** Absent = of each tree there is what is served here. */
  readonly versions?: HandedVersions;
}

/** Which version a boot is handed, and who has it. */
export interface HandedVersions {
  /** As of cluster/tree-versions.ts. */
  readonly current: (tree: string) => Promise<string | undefined>;
  readonly holds: Holds;
  readonly find: Whereabouts["find"];
}

export function createInstallFiles(options: InstallFilesOptions): InstallFiles {
  const render = (install: InstallOf) => renderInstall(options, install);
  return {
    render,
    treeLacks: async (tree) => ((await findBootFiles(options, tree)) ? undefined : lackOf(tree)),
    handing: (tree, client) => handing(options, tree, client),
    kernel: async (host, version) =>
      (await findBootFiles(options, host.profile.tree, version))?.kernel ?? { kind: "absent" },
    kernelArguments: async (install) => (await render(install)).kernelArguments,
    initrd: async (install) => {
      const base = (await findBootFiles(options, install.host.profile.tree, install.permit.version))?.initrd;
      if (base?.kind !== "file") return base ?? { kind: "absent" };
      return { kind: "file", file: withOverlay(base.file, await render(install)) };
    },
  };
}

type Found = { readonly kernel: Lookup; readonly initrd: Lookup };

async function findBootFiles(options: InstallFilesOptions, tree: Tree, version?: string): Promise<Found | undefined> {
  for (const names of familyOf(options.families, tree).bootFiles(tree)) {
    const kernel = await options.tree(tree, names.kernel, version);
    const initrd = await options.tree(tree, names.initrd, version);
    const others = await Promise.all((names.needs ?? []).map((path) => options.tree(tree, path, version)));
    if ([kernel, initrd, ...others].every(({ kind }) => kind === "file")) return { kernel, initrd };
  }
  return undefined;
}

async function handing(options: InstallFilesOptions, tree: Tree, client: string): Promise<Handing> {
  try {
    const version = await options.versions?.current(tree.name);
    const lacks = await lackIn(options, tree, version, client);
    return { ...(version !== undefined && { version }), ...(lacks && { lacks }) };
  } catch {
    return { lacks: UNTOLD };
  }
}

const UNTOLD: TreeLack = {
  what: "a current version that can be told now",
  todo: "look at the daemon's log",
  isOutage: true,
};

/** A version was checked where it was made: who has it has all of it. */
async function lackIn(options: InstallFilesOptions, tree: Tree, version: string | undefined, client: string) {
  const place = await options.versions?.find(tree, version, client);
  if (place?.kind === "elsewhere") return undefined;
  if (place?.kind === "nowhere") return awayLack(version);
  return (await findBootFiles(options, tree, version)) ? undefined : lackOf(tree);
}

function awayLack(version = ""): TreeLack {
  return { what: `version ${version}: no server that lives has it`, todo: "start one that has it", isOutage: true };
}

function lackOf(tree: Tree): TreeLack {
  return {
    what: "the files that its installer starts from",
    todo: `take them in with \`everboot import FOLDER --as ${tree.name}\``,
  };
}

async function renderInstall(options: InstallFilesOptions, install: InstallOf): Promise<Rendered> {
  const { host, mac, server, permit } = install;
  const { tree } = host.profile;
  const files = { tree, ...(permit.version !== undefined && { version: permit.version }) };
  const order = holdingServers(
    options.order(host),
    { ...files, tree: tree.name },
    options.versions?.holds ?? isAnywhere,
  );
  return familyOf(options.families, tree).render({
    site: options.site,
    host,
    profile: host.profile,
    tree,
    mac,
    servers: orderedServers(order, server, files, permit.token),
    ...(tree.keyring !== undefined && { keyring: await readFile(tree.keyring) }),
  });
}

function isAnywhere(): boolean {
  return true;
}

/**
 * The kernel unpacks one archive after the other, later files over earlier ones. Ours is compressed because a compressed
 * archive may begin anywhere, a plain one only at a multiple of four bytes; zeros between them are skipped (Linux
 * init/initramfs.c).
 */
function withOverlay(base: ServedFile, { overlay, overlayFirst }: Rendered): ServedFile {
  const bytes = gzipSync(encodeCpio(overlay));
  const padded = Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
  const ours = { kind: "bytes", bytes: padded } as const;
  return joinSegments(overlayFirst ? [ours, ...base.segments] : [...base.segments, ours], {
    modified: base.modified,
    contentType: "application/octet-stream",
    identity: `${base.etag} ${bytes.toString("base64")}`,
  });
}
