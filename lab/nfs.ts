/** nfs-ganesha, rpcbind and the clients of libnfs, unpacked: several of them on one computer, a namespace each. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { UNPACKED_FOLDER } from "./unpacked.ts";

/** All that the lab's NFS servers and clients need, with libraries that a machine may lack. */
export const NFS_PACKAGES: readonly string[] = [
  ...["nfs-ganesha", "nfs-ganesha-vfs", "libntirpc4.3", "liburcu8", "libwbclient0", "libnfsidmap1"],
  ...["rpcbind", "libwrap0", "libnfs-utils", "libnfs13"],
  // exportfs judges /etc/exports
  "nfs-kernel-server",
];

/** Reason why they do not run here, or undefined. For `test({ skip })`. */
export function nfsObstacle(): string | undefined {
  const missing = NFS_PACKAGES.filter((name) => !existsSync(join(UNPACKED_FOLDER, name)));
  return missing.length === 0 ? undefined : `needs unpacked packages: ${missing.join(" ")}`;
}

/** Of ganesha's modules. */
export function ganeshaPlugins(): string {
  return join(folders("usr/lib", "nfs-ganesha-vfs")[0] ?? "", "ganesha");
}

/** With it the programs are found and run. */
export function nfsEnvironment(): Readonly<Record<string, string>> {
  const programs = NFS_PACKAGES.flatMap((name) => ["usr/bin", "usr/sbin", "sbin"].map((path) => place(name, path)));
  const libraries = NFS_PACKAGES.flatMap((name) => [place(name, "usr/lib/ganesha"), ...folders("usr/lib", name)]);
  return {
    PATH: [...programs.filter((path) => existsSync(path)), process.env.PATH].join(":"),
    LD_LIBRARY_PATH: libraries.filter((path) => existsSync(path)).join(":"),
  };
}

/**
 * As `WITH_OWN_RUN`, where ganesha's modules are also in the folder that it was built with: for a daemon, which knows no other.
 * Needs overlays in the kernel.
 */
export function withModules(): readonly string[] {
  const [folder = ""] = folders("usr/lib", "nfs-ganesha-vfs");
  const mount = 'to=/usr/lib/$(basename "$1"); mount -t overlay overlay -o "lowerdir=$1:$to" "$to"; shift; exec "$@"';
  return [...WITH_OWN_RUN, "sh", "-euc", mount, "with-modules", folder];
}

function place(name: string, path: string): string {
  return join(UNPACKED_FOLDER, name, path);
}

/** Of a package's libraries: those named by an architecture. */
function folders(path: string, name: string): string[] {
  const parent = place(name, path);
  if (!existsSync(parent)) return [];
  return readdirSync(parent)
    .filter((entry) => entry.includes("-linux-"))
    .map((entry) => join(parent, entry));
}

/**
 * Before a program and its arguments: it sees a `/run` of its own, where rpcbind has its socket, and the user that
 * rpcbind runs as, which its package would have made.
 */
export const WITH_OWN_RUN: readonly string[] = [
  ...["unshare", "--mount", "sh", "-euc"],
  [
    "mount -t tmpfs tmpfs /run",
    "cp /etc/passwd /run/passwd",
    "grep -q ^_rpc: /run/passwd || echo _rpc:x:65533:65534::/run:/usr/sbin/nologin >> /run/passwd",
    "mount --bind /run/passwd /etc/passwd",
    'exec "$@"',
  ].join("\n"),
  "own-run",
];
