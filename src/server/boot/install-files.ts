/** Kernel and initrd of one install: the tree's own files, the initrd with the answers appended. */
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
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

export interface InstallOf {
  readonly host: Host;
  /** The NIC that booted. */
  readonly mac: Mac;
  readonly server: ServerView;
  readonly permit: Pick<PermitFacts, "token">;
}

/** In words, with what to do about it. */
export interface TreeLack {
  readonly what: string;
  readonly todo: string;
}

export interface InstallFiles {
  /** What the tree lacks to be installed from; undefined = nothing. */
  treeLacks(tree: Tree): Promise<TreeLack | undefined>;
  kernel(host: Host): Promise<Lookup>;
  initrd(install: InstallOf): Promise<Lookup>;
  kernelArguments(install: InstallOf): Promise<readonly string[]>;
  render(install: InstallOf): Promise<Rendered>;
}

export interface InstallFilesOptions {
  readonly site: Site;
  readonly families: ReadonlyMap<string, Family>;
  readonly order: OrderServers;
  readonly tree: (tree: Tree, path: string) => Promise<Lookup>;
}

export function createInstallFiles(options: InstallFilesOptions): InstallFiles {
  const render = (install: InstallOf) => renderInstall(options, install);
  return {
    render,
    treeLacks: async (tree) => ((await findBootFiles(options, tree)) ? undefined : lackOf(tree)),
    kernel: async (host) => (await findBootFiles(options, host.profile.tree))?.kernel ?? { kind: "absent" },
    kernelArguments: async (install) => (await render(install)).kernelArguments,
    initrd: async (install) => {
      const base = (await findBootFiles(options, install.host.profile.tree))?.initrd;
      if (base?.kind !== "file") return base ?? { kind: "absent" };
      return { kind: "file", file: withOverlay(base.file, await render(install)) };
    },
  };
}

type Found = { readonly kernel: Lookup; readonly initrd: Lookup };

async function findBootFiles(options: InstallFilesOptions, tree: Tree): Promise<Found | undefined> {
  for (const names of familyOf(options.families, tree).bootFiles(tree)) {
    const kernel = await options.tree(tree, names.kernel);
    const initrd = await options.tree(tree, names.initrd);
    const others = await Promise.all((names.needs ?? []).map((path) => options.tree(tree, path)));
    if ([kernel, initrd, ...others].every(({ kind }) => kind === "file")) return { kernel, initrd };
  }
  return undefined;
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
  return familyOf(options.families, tree).render({
    site: options.site,
    host,
    profile: host.profile,
    tree,
    mac,
    servers: orderedServers(options.order(host), server, { tree }, permit.token),
    ...(tree.keyring !== undefined && { keyring: await readFile(tree.keyring) }),
  });
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
