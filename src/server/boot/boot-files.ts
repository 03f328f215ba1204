/**
 * Everything below the server's root, the same for TFTP and HTTP: loaders, each machine's boot script, kernel and
 * initrd of an install, trees. Which script a machine gets is the boot plan's decision; here it is only found by path.
 */
import { type Ipv4, type Mac, parseIpv4, parseMac } from "../../base/address.ts";
import type { PermitFacts } from "../../boot/plan.ts";
import { parsePxelinuxName } from "../../boot/pxelinux.ts";
import { bytesFile } from "../../content/segments.ts";
import type { Elsewhere, FileResolver, Lookup, RedirectingResolver, Requester } from "../../content/served-file.ts";
import type { Site, Tree } from "../../site/model.ts";
import {
  type Asking,
  type BootScriptsOptions,
  bootScript,
  type ScriptLoader,
  type ScriptPermits,
} from "./boot-scripts.ts";
import type { InstallFiles, InstallOf } from "./install-files.ts";
import type { Whereabouts } from "./whereabouts.ts";

/** What boot files need of the permits (cluster/permits.ts). */
export interface BootPermits extends ScriptPermits {
  /**
   * The host whose running install the token belongs to, with or without the id of its boot behind it; undefined = used
   * up, expired, unknown. The permit's token comes back as it was given.
   */
  bootable(carried: string): { readonly host: string; readonly permit: PermitFacts } | undefined;
}

export interface BootFilesOptions extends BootScriptsOptions {
  readonly site: Site;
  readonly permits: BootPermits;
  readonly installFiles: InstallFiles;
  readonly loader: (name: string) => Promise<Lookup>;
  /** In the version that is served, or in the one that is named. */
  readonly tree: (tree: Tree, path: string, version?: string) => Promise<Lookup>;
  /** What is answered for a file of a version that was not found here; absent = that there is none. */
  readonly missing?: Whereabouts["answer"];
  /** Is told of files that are not what their tree's manifest lists, by their absolute path. */
  readonly onUnlisted: (path: string, from: Requester) => void;
}

const ABSENT: Lookup = { kind: "absent" };
const REFUSED: Lookup = { kind: "refused" };

/** For protocols that cannot send a client elsewhere: what is not here is an outage, as it is to be had somewhere. */
export function withoutRedirects(resolve: RedirectingResolver): FileResolver {
  return async (path, from) => {
    const found = await resolve(path, from);
    return found.kind === "elsewhere" ? { kind: "broken", code: "store-unavailable" } : found;
  };
}

export function createBootFiles(options: BootFilesOptions): RedirectingResolver {
  // A map: a path may begin with any word, `constructor` too.
  const routes = new Map<string, RedirectingResolver>([
    ["boot", (rest, from) => bootFile(options, rest, from)],
    ["pxelinux.cfg", (rest, from) => pxelinuxFile(options, rest, from)],
    ["grub", (rest, from) => grubFile(options, rest, from)],
    ["trees", (rest, from) => treeFile(options, rest, from)],
  ]);
  return async (path, from) => {
    const [first = "", ...rest] = path.replace(/^\/+/, "").split("/");
    if (rest.length === 0) return options.loader(first);
    return routes.get(first)?.(rest.join("/"), from) ?? ABSENT;
  };
}

/** `ipxe/<mac>`, `ipxe/<mac>/<since>`, `<token>/<mac>/linux`, `<token>@<version>/<mac>/initrd` */
async function bootFile(options: BootFilesOptions, rest: string, from: Requester): Promise<Lookup | Elsewhere> {
  const [first = "", second = "", file, ...more] = rest.split("/");
  const mac = parseMac(second);
  if (!mac || more.length > 0) return ABSENT;
  if (first === "ipxe") return scriptAgain(options, mac, file, "ipxe", from);
  const [carried = "", version] = first.split("@");
  const granted = options.permits.bootable(carried);
  const host = options.site.hostByMac.get(mac);
  if (!granted || host?.name !== granted.host) return REFUSED;
  const { id, token, expires, server: sentTo } = granted.permit;
  // Not the permit's: this server may not have heard of the hand-out yet, or have heard of a later one.
  const permit = { id, token, expires, ...(version !== undefined && { version }) };
  const server = options.serverFor(from.address, sentTo, version);
  return installFile(options, file, { host, mac, server, permit }, from);
}

async function installFile(
  { installFiles, missing }: BootFilesOptions,
  file: string | undefined,
  install: InstallOf,
  from: Requester,
): Promise<Lookup | Elsewhere> {
  if (file !== "linux" && file !== "initrd") return ABSENT;
  const { host, permit } = install;
  const found = await (file === "linux" ? installFiles.kernel(host, permit.version) : installFiles.initrd(install));
  if (found.kind !== "absent" || !missing) return found;
  return missing(host.profile.tree, permit.version, from.address);
}

async function pxelinuxFile(options: BootFilesOptions, rest: string, from: Requester): Promise<Lookup> {
  const name = parsePxelinuxName(rest);
  if (!name) return ABSENT;
  if (name.kind === "mac") return script(options, hostOf(options.site, name.mac), "pxelinux", from);
  const address = name.kind === "address" ? name.address : parseIpv4(from.address);
  return script(options, address && hostAt(options.site, address), "pxelinux", from);
}

/**
 * GRUB asks for its configuration by MAC first, then for the plain name; both are by the machine that asks. One that was
 * told to wait asks for `<since>/grub.cfg-01-<mac>`.
 */
async function grubFile(options: BootFilesOptions, rest: string, from: Requester): Promise<Lookup> {
  const [, since, mac] = /^(?:([^/]+)\/)?grub\.cfg-01-(.{17})$/.exec(rest) ?? [];
  const parsed = mac === undefined ? undefined : parseMac(mac);
  if (parsed) return scriptAgain(options, parsed, since, "grub", from);
  const address = rest === "grub.cfg" ? parseIpv4(from.address) : undefined;
  return script(options, address && hostAt(options.site, address), "grub", from);
}

/** `since` as it stands in the path, if it does: milliseconds since 1970, of 13 digits until the year 2286. */
async function scriptAgain(
  options: BootFilesOptions,
  mac: Mac,
  since: string | undefined,
  loader: ScriptLoader,
  from: Requester,
): Promise<Lookup> {
  if (since === undefined) return script(options, hostOf(options.site, mac), loader, from);
  if (!/^\d{1,13}$/.test(since)) return ABSENT;
  return script(options, hostOf(options.site, mac), loader, from, Number(since));
}

type Who = Pick<Asking, "host" | "mac">;

async function script(
  options: BootFilesOptions,
  who: Who | undefined,
  loader: ScriptLoader,
  from: Requester,
  since?: number,
): Promise<Lookup> {
  if (!who) return ABSENT;
  const asking = { ...who, loader, client: from.address, ...(since !== undefined && { since }) };
  const text = await bootScript(options, asking);
  return { kind: "file", file: bytesFile(Buffer.from(text), "text/plain; charset=utf-8", 0) };
}

/** `<tree>/<path>`, `<tree>@<version>/<path>` */
async function treeFile(options: BootFilesOptions, rest: string, from: Requester): Promise<Lookup | Elsewhere> {
  const [first = "", ...path] = rest.split("/");
  const [name = "", version] = first.split("@");
  const tree = options.site.trees.get(name);
  if (!tree || path.length === 0) return ABSENT;
  const found = await options.tree(tree, path.join("/"), version);
  if (found.kind === "file" && found.file.isUnlisted) options.onUnlisted(`/trees/${rest}`, from);
  if (found.kind === "absent" && version !== undefined && options.missing)
    return options.missing(tree, version, from.address);
  return found;
}

function hostOf(site: Site, mac: Mac): Who | undefined {
  const host = site.hostByMac.get(mac);
  return host && { host, mac };
}

/** Known by its address alone: the first NIC stands for the one that booted. */
function hostAt(site: Site, address: Ipv4): Who | undefined {
  const host = site.hostByAddress.get(address);
  return host && { host, mac: host.nics[0] };
}
