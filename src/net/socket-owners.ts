/** Who listens on a port of this machine: /proc/net tells the sockets, /proc/<pid>/fd whose they are. */
import { readdir, readFile, readlink } from "node:fs/promises";
import { basename, join } from "node:path";

export interface SocketOwner {
  readonly pid: number;
  readonly program: string;
}

/** TCP_LISTEN of net/tcp_states.h; UDP sockets that are not connected have TCP_CLOSE. */
const WAITING = { tcp: "0A", udp: "07" } as const;

/**
 * Programs that have a waiting socket at `port`, by process id. Empty too when it is another user's and this process may
 * not look. `root` stands in for `/`.
 */
export async function ownersOfPort(protocol: "tcp" | "udp", port: number, root = "/"): Promise<readonly SocketOwner[]> {
  const tables = await Promise.all([protocol, `${protocol}6`].map((name) => textOf(join(root, "proc/net", name))));
  const inodes = new Set(tables.flatMap((table) => waitingInodes(table, WAITING[protocol], port)));
  if (inodes.size === 0) return [];
  const owners = await Promise.all((await processes(root)).map((pid) => ownerAmong(inodes, pid, root)));
  return owners.flatMap((owner) => owner ?? []);
}

/** Process ids, lowest first. */
export async function processes(root = "/"): Promise<readonly number[]> {
  const names = await readdir(join(root, "proc")).catch(() => []);
  return names
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** Of the sockets in state `state` at `port`, in a table like /proc/net/udp. */
export function waitingInodes(table: string, state: string, port: number): string[] {
  const hexPort = port.toString(16).toUpperCase().padStart(4, "0");
  return table.split("\n").flatMap((line) => {
    const [, local = "", , lineState, , , , , , inode] = line.trim().split(/\s+/);
    return lineState === state && inode !== undefined && local.endsWith(`:${hexPort}`) ? [inode] : [];
  });
}

async function ownerAmong(inodes: ReadonlySet<string>, pid: number, root: string): Promise<SocketOwner | undefined> {
  const folder = join(root, "proc", String(pid), "fd");
  const names = await readdir(folder).catch(() => []);
  const targets = await Promise.all(names.map((name) => readlink(join(folder, name)).catch(() => "")));
  if (!targets.some((target) => inodes.has(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? ""))) return undefined;
  return { pid, program: await programOf(pid, root) };
}

/** By the name that it was started under: programs rename their threads, and Node its first one. */
export async function programOf(pid: number, root = "/"): Promise<string> {
  const folder = join(root, "proc", String(pid));
  const [started = ""] = (await textOf(join(folder, "cmdline"))).split("\0");
  return basename(started) || (await textOf(join(folder, "comm"))).trim() || "a program";
}

/** Processes end, and IPv6 may be off, at any moment. */
function textOf(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
