/**
 * Everything below the server's root, the same for TFTP and HTTP: loaders, each machine's boot script, kernel and
 * initrd of an install, trees. Which script a machine gets is the boot plan's decision; here it is only found by path.
 */
import { type Ipv4, type Mac, parseIpv4, parseMac } from "../../base/address.ts";
import { renderGrub } from "../../boot/grub.ts";
import { renderIpxe } from "../../boot/ipxe.ts";
import { decideAction, type PermitAnswer, type PermitFacts } from "../../boot/plan.ts";
import { parsePxelinuxName, renderPxelinux } from "../../boot/pxelinux.ts";
import { type BootScript, installScript } from "../../boot/script.ts";
import { bytesFile } from "../../content/segments.ts";
import type { FileResolver, Lookup, Requester } from "../../content/served-file.ts";
import type { Host, Site, Tree } from "../../site/model.ts";
import type { ServerView } from "../../site/server-view.ts";
import type { InstallFiles } from "./install-files.ts";

/** What boot files need of the permits (cluster/permits.ts). */
export interface BootPermits {
  /** Gives the host its permit for one boot, durably, or says why there is none. */
  handOut(host: string): Promise<PermitAnswer>;
  /** The host whose running install the token belongs to; undefined = used up, expired, unknown. */
  bootable(token: string): { readonly host: string; readonly permit: PermitFacts } | undefined;
}

export interface BootFilesOptions {
  readonly site: Site;
  readonly permits: BootPermits;
  readonly installFiles: InstallFiles;
  readonly loader: (name: string) => Promise<Lookup>;
  readonly tree: (tree: Tree, path: string) => Promise<Lookup>;
  readonly serverFor: (client: string) => ServerView;
  /** Told of every script handed out, with the decision and its reasons. */
  readonly onScript: (event: ScriptEvent) => void;
}

export interface ScriptEvent {
  readonly host: Host;
  readonly mac: Mac;
  readonly loader: "ipxe" | "pxelinux" | "grub";
  readonly action: "install" | "local";
  readonly permit?: PermitFacts;
  readonly reasons: readonly string[];
}

const ABSENT: Lookup = { kind: "absent" };
const REFUSED: Lookup = { kind: "refused" };

type Who = { readonly host: Host; readonly mac: Mac };

export function createBootFiles(options: BootFilesOptions): FileResolver {
  // A map: a path may begin with any word, `constructor` too.
  const routes = new Map<string, (rest: string, from: Requester) => Promise<Lookup>>([
    ["boot", (rest, from) => bootFile(options, rest, from)],
    ["pxelinux.cfg", (rest, from) => pxelinuxFile(options, rest, from)],
    ["grub", (rest, from) => grubFile(options, rest, from)],
    ["trees", (rest) => treeFile(options, rest)],
  ]);
  return async (path, from) => {
    const [first = "", ...rest] = path.replace(/^\/+/, "").split("/");
    if (rest.length === 0) return options.loader(first);
    return routes.get(first)?.(rest.join("/"), from) ?? ABSENT;
  };
}

/** `ipxe/<mac>`, `<token>/<mac>/linux`, `<token>/<mac>/initrd` */
async function bootFile(options: BootFilesOptions, rest: string, from: Requester): Promise<Lookup> {
  const [first = "", second = "", file, ...more] = rest.split("/");
  const mac = parseMac(second);
  if (!mac || more.length > 0) return ABSENT;
  if (first === "ipxe" && file === undefined) return script(options, hostOf(options.site, mac), "ipxe", from);
  const granted = options.permits.bootable(first);
  const host = options.site.hostByMac.get(mac);
  if (!granted || host?.name !== granted.host) return REFUSED;
  const server = options.serverFor(from.address);
  if (file === "linux") return options.installFiles.kernel(host);
  return file === "initrd" ? options.installFiles.initrd({ host, mac, server, permit: granted.permit }) : ABSENT;
}

async function pxelinuxFile(options: BootFilesOptions, rest: string, from: Requester): Promise<Lookup> {
  const name = parsePxelinuxName(rest);
  if (!name) return ABSENT;
  if (name.kind === "mac") return script(options, hostOf(options.site, name.mac), "pxelinux", from);
  const address = name.kind === "address" ? name.address : parseIpv4(from.address);
  return script(options, address && hostAt(options.site, address), "pxelinux", from);
}

/** GRUB asks for its configuration by MAC first, then for the plain name; both are by the machine that asks. */
async function grubFile(options: BootFilesOptions, rest: string, from: Requester): Promise<Lookup> {
  const mac = /^grub\.cfg-01-(.{17})$/.exec(rest)?.[1];
  const parsed = mac === undefined ? undefined : parseMac(mac);
  if (parsed) return script(options, hostOf(options.site, parsed), "grub", from);
  const address = rest === "grub.cfg" ? parseIpv4(from.address) : undefined;
  return script(options, address && hostAt(options.site, address), "grub", from);
}

async function treeFile(options: BootFilesOptions, rest: string): Promise<Lookup> {
  const [name = "", ...path] = rest.split("/");
  const tree = options.site.trees.get(name);
  return tree && path.length > 0 ? options.tree(tree, path.join("/")) : ABSENT;
}

const RENDERERS = { ipxe: renderIpxe, pxelinux: renderPxelinux, grub: renderGrub } as const;

async function script(
  options: BootFilesOptions,
  who: Who | undefined,
  loader: ScriptEvent["loader"],
  from: Requester,
): Promise<Lookup> {
  if (!who) return ABSENT;
  const { host, mac } = who;
  const lacks = await options.installFiles.treeLacks(host.profile.tree);
  // A permit is not spent on a tree that cannot be installed from.
  const permit = lacks === undefined ? await options.permits.handOut(host.name) : noPermit(lacks.what);
  const decision = decideAction(host, permit);
  options.onScript({ host, mac, loader, ...decision });
  const text = RENDERERS[loader](await describe(options, who, decision, from));
  return { kind: "file", file: bytesFile(Buffer.from(text), "text/plain; charset=utf-8", 0) };
}

function noPermit(lacks: string): PermitAnswer {
  return { kind: "none", why: `its tree lacks ${lacks}` };
}

async function describe(
  options: BootFilesOptions,
  { host, mac }: Who,
  decision: ReturnType<typeof decideAction>,
  from: Requester,
): Promise<BootScript> {
  const title = `${host.name} ${decision.reasons.join(", ")}`;
  if (!decision.permit) return { kind: "local", title };
  const server = options.serverFor(from.address);
  const { permit } = decision;
  const args = await options.installFiles.kernelArguments({ host, mac, server, permit });
  return installScript({ title, server, arguments: args }, permit.token, mac);
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
