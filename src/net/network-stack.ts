/** Which network stack configures this machine, told from its files; and the files that it reads. */
import { lstat, readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join, matchesGlob } from "node:path";
import { errnoOf } from "../base/errors.ts";
import type { ConfigFile } from "../bond/model.ts";
import { type StackName, stackPatterns } from "../bond/stacks.ts";
import type { Manager } from "../bond/switch-over.ts";

export interface StackInUse {
  readonly stack: StackName;
  /** The daemon that runs it, where there is one. */
  readonly manager?: Manager;
}

/** Where systemd notes that networkd is enabled (`systemctl enable systemd-networkd`). */
const NETWORKD_ENABLED = "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service";

/**
 * The one that speaks of `ports`. Several are often installed: NetworkManager counts where it manages one of the ports,
 * then netplan, which writes for the others; the files of old stacks lie about longest. `root` stands in for `/`.
 */
export async function stackInUse(ports: readonly string[], root = "/"): Promise<StackInUse | undefined> {
  const has = (pattern: string) => hasFiles(root, pattern);
  const managed = await Promise.all(ports.map((port) => isManaged(root, port)));
  if (managed.includes(true)) return { stack: "nmconnection", manager: "NetworkManager" };
  const networkd = (await has(NETWORKD_ENABLED)) || (await has("/run/systemd/netif/links/*"));
  const manager = networkd ? ({ manager: "systemd-networkd" } as const) : {};
  if (await has("/etc/netplan/*.yaml")) return { stack: "netplan", ...manager };
  if (networkd) return { stack: "networkd", ...manager };
  if ((await has("/etc/wicked")) || (await has("/etc/sysconfig/network/ifcfg-*"))) return { stack: "ifcfg-suse" };
  if (await has("/etc/sysconfig/network-scripts/ifcfg-*")) return { stack: "ifcfg-redhat" };
  if (await has("/etc/network/interfaces")) return { stack: "ifupdown" };
  return undefined;
}

/** NetworkManager 1.6 and later keep a file for each device, by its number, with the connection that is active on it. */
async function isManaged(root: string, port: string): Promise<boolean> {
  const index = (await textOf(join(root, "sys/class/net", port, "ifindex")))?.trim();
  const state = index === undefined ? undefined : await textOf(join(root, "run/NetworkManager/devices", index));
  return state !== undefined && /^(managed=true|connection-uuid=.+)$/m.test(state);
}

/** The stack's files that are there, with their text. */
export async function stackFiles(stack: StackName, root = "/"): Promise<readonly ConfigFile[]> {
  const found = await Promise.all(stackPatterns(stack).map((pattern) => filesOf(root, pattern)));
  const read = found.flat().map(async (path): Promise<ConfigFile[]> => {
    const place = join(root, path);
    const info = await stat(place);
    return info.isFile() ? [{ path, mode: info.mode & 0o777, text: await readFile(place, "utf8") }] : [];
  });
  return (await Promise.all(read)).flat();
}

async function hasFiles(root: string, pattern: string): Promise<boolean> {
  return (await filesOf(root, pattern)).length > 0;
}

/** Absolute paths below `root`; a pattern's last part may hold `*`. A link is a file, wherever it leads. */
async function filesOf(root: string, pattern: string): Promise<string[]> {
  const folder = dirname(pattern);
  if (!pattern.includes("*")) return (await exists(join(root, pattern))) ? [pattern] : [];
  const names = await unlessAbsent(readdir(join(root, folder)));
  const wanted = (names ?? []).filter((name) => matchesGlob(name, basename(pattern)));
  return wanted.sort().map((name) => join(folder, name));
}

async function exists(path: string): Promise<boolean> {
  return (await unlessAbsent(lstat(path))) !== undefined;
}

async function textOf(path: string): Promise<string | undefined> {
  return unlessAbsent(readFile(path, "utf8"));
}

async function unlessAbsent<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}
