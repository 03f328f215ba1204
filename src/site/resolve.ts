/** From what the file says to what every room sees: names become the things they name. */
import { posix } from "node:path";
import { type Ipv4, ipv4ToNumber, type Mac } from "../base/address.ts";
import { bondLevels, mergeBond, toHostBond } from "./bond-policy.ts";
import type { Account, Hook, Host, Profile, Server, Site, Subnet, Tree, UnknownPolicy, User } from "./model.ts";
import type { HookEntry, HostEntry, ProfileEntry, ServerEntry, SiteEntry, TreeEntry } from "./schema.ts";
import { cidrSpan, spanHolds } from "./span.ts";

/** `entry` has passed the cross checks; `folder` (absolute) is what relative paths start from. */
export function resolveSite(entry: SiteEntry, folder: string, revision: string): Site {
  const absolute = (path: string) => (posix.isAbsolute(path) ? posix.normalize(path) : posix.join(folder, path));
  const trees = mapEntries(entry.trees, (tree, name) => resolveTree(tree, name, absolute));
  const profiles = mapEntries(entry.profiles, (profile, name) => resolveProfile(profile, name, trees));
  const subnetOf = subnetFinder(entry.subnets);
  const hosts = mapEntries(entry.hosts, (host, name) => resolveHost(host, name, entry, subnetOf, profiles));
  return {
    name: entry.site,
    revision,
    subnets: entry.subnets,
    unknown: resolveUnknown(entry.unknown, profiles),
    balance: entry.balance,
    names: { ...entry.names },
    servers: mapEntries(entry.servers, resolveServer),
    ...(entry.state ? { etcd: entry.state.etcd } : {}),
    ...(entry.api === "off" ? {} : { api: entry.api }),
    ...resolveDns(entry),
    hooks: entry.hooks.map((hook) => resolveHook(hook, absolute)),
    replication: entry.replication,
    trees,
    profiles,
    hosts,
    hostByMac: new Map<Mac, Host>([...hosts.values()].flatMap((host) => host.nics.map((mac) => [mac, host] as const))),
    hostByAddress: new Map<Ipv4, Host>([...hosts.values()].map((host) => [host.address, host])),
  };
}

/** A path relative to the site file as an absolute one. */
type Absolute = (path: string) => string;

function resolveHook({ secret_file: secretFile, ...hook }: HookEntry, absolute: Absolute): Hook {
  return secretFile === undefined ? hook : { ...hook, secretFile: absolute(secretFile) };
}

/** A name that is handed out must have somebody who answers for it. */
function resolveDns({ dns, names }: SiteEntry): Pick<Site, "dns"> {
  if (dns === "off") return {};
  const usual = names?.install === undefined ? undefined : { forward: [] };
  const place = dns ?? usual;
  return place ? { dns: place } : {};
}

function resolveTree(tree: TreeEntry, name: string, absolute: Absolute): Tree {
  const keyring = tree.keyring === undefined ? {} : { keyring: absolute(tree.keyring) };
  const folders = tree.repositories?.map((folder) => (folder === "." ? "" : folder));
  return { ...tree, name, path: absolute(tree.path), ...keyring, ...(folders && { repositories: folders }) };
}

function resolveServer({ interface: interfaces, http_port: httpPort, ...server }: ServerEntry, name: string): Server {
  return { ...server, name, interfaces, httpPort };
}

function resolveProfile(entry: ProfileEntry, name: string, trees: ReadonlyMap<string, Tree>): Profile {
  const {
    kernel_arguments: kernelArguments,
    installed_kernel_arguments: installedKernelArguments,
    first_boot: firstBoot,
    bond: _policy,
    disk: { device, ...disk },
    root,
    users,
    ...profile
  } = entry;
  return {
    ...profile,
    name,
    tree: found(trees, entry.tree),
    kernelArguments,
    installedKernelArguments,
    firstBoot,
    disk: { ...disk, devices: device === "auto" ? [] : [device].flat() },
    ...(root ? { root: resolveAccount(root) } : {}),
    users: users.map(resolveUser),
  };
}

function resolveUser({ full_name: fullName, ...user }: ProfileEntry["users"][number]): User {
  return { ...resolveAccount(user), name: user.name, fullName: fullName ?? user.name, sudo: user.sudo };
}

function resolveAccount(account: NonNullable<ProfileEntry["root"]>): Account {
  const password = account.password === undefined ? {} : { password: account.password };
  return { ...password, sshKeys: account.ssh_keys };
}

function resolveHost(
  entry: HostEntry,
  name: string,
  site: SiteEntry,
  subnetOf: (address: Ipv4) => Subnet,
  profiles: ReadonlyMap<string, Profile>,
): Host {
  const { nics, address } = entry;
  const profile = found(profiles, entry.profile);
  const merged = mergeBond(bondLevels(name, entry, site), nics);
  return {
    ...{ name, nics, address, subnet: subnetOf(address), profile },
    ...(merged && { bond: toHostBond(merged, nics) }),
    network: entry.network ?? profile.network,
    loader: entry.loader ?? profile.loader,
  };
}

function resolveUnknown(unknown: string, profiles: ReadonlyMap<string, Profile>): UnknownPolicy {
  if (unknown === "ignore" || unknown === "discover") return { kind: unknown };
  return { kind: "profile", profile: found(profiles, unknown) };
}

function subnetFinder(subnets: readonly Subnet[]): (address: Ipv4) => Subnet {
  const spans = subnets.map((subnet) => ({ subnet, span: cidrSpan(subnet.cidr) }));
  return (address) => {
    const value = ipv4ToNumber(address);
    const match = spans.find(({ span }) => spanHolds(span, value));
    if (!match) throw new Error(`no subnet for ${address} after the cross checks`);
    return match.subnet;
  };
}

function mapEntries<T, U>(entries: Readonly<Record<string, T>>, make: (entry: T, name: string) => U): Map<string, U> {
  return new Map(Object.entries(entries).map(([name, entry]) => [name, make(entry, name)]));
}

function found<T>(things: ReadonlyMap<string, T>, name: string): T {
  const thing = things.get(name);
  if (thing === undefined) throw new Error(`no ${name} after the cross checks`);
  return thing;
}
