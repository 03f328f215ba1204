/**
 * Debian packages that are unpacked in the cache and not installed: they would start a daemon, or take the place of
 * what the machine uses.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const UNPACKED_FOLDER = join(dirname(fileURLToPath(import.meta.url)), "../.cache/packages");

/** Validators of rendered files, and other DHCP servers to compare with. */
export const UNPACKED_PACKAGES = [
  "isc-dhcp-server",
  "kea-dhcp4-server",
  "network-manager",
  "libnm0",
  "ifupdown2",
  "ifenslave",
  "etcd-server",
  "keepalived",
  // libraries of keepalived that a machine may lack
  "libsnmp40",
  "libpci3",
  "libsensors5",
  "libwrap0",
  // FTP as it is known
  "vsftpd",
  // a resolver unlike glibc's
  "musl-dev",
  // promtool: judges metrics, alert rules and queries
  "prometheus",
] as const;

/** Fetches and unpacks what is not there yet. The names of those that this machine's apt could not get. */
export function unpackPackages(names: readonly string[], tell: (line: string) => void): string[] {
  const missing = names.filter((name) => !existsSync(join(UNPACKED_FOLDER, name)));
  if (missing.length > 0) tell(`unpacking ${missing.length} Debian packages: ${missing.join(" ")}`);
  return missing.filter((name) => !unpack(name));
}

function unpack(name: string): boolean {
  mkdirSync(UNPACKED_FOLDER, { recursive: true });
  const work = mkdtempSync(join(UNPACKED_FOLDER, ".work-"));
  try {
    const options = { cwd: work, stdio: "ignore" } as const;
    if (spawnSync("apt-get", ["-qq", "-o", "APT::Sandbox::User=root", "download", name], options).status !== 0)
      return false;
    const [file = ""] = readdirSync(work);
    if (spawnSync("dpkg-deb", ["-x", file, "content"], options).status !== 0) return false;
    renameSync(join(work, "content"), join(UNPACKED_FOLDER, name));
    return true;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
