/** The Debian packages that the lab, the demo and the tests against foreign programs need; and how to get them. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { EverbootError } from "../src/base/errors.ts";

/** What for: `installer` is the Debian Installer's netboot image, `clients` and `judges` are foreign programs that tests run. */
export type Purpose = "machines" | "loaders" | "installer" | "mirror" | "rpm" | "clients" | "judges";

const PURPOSES: Readonly<Record<Purpose, { readonly label: string; readonly packages: () => readonly string[] }>> = {
  machines: {
    label: "virtual machines",
    packages: () => ["qemu-system-x86", "qemu-utils", "ipxe-qemu", "ovmf", "iproute2", "util-linux"],
  },
  loaders: {
    label: "boot loaders",
    packages: () => ["ipxe", "pxelinux", "syslinux-common", "shim-signed", "grub-efi-amd64-signed"],
  },
  installer: { label: "the Debian Installer", packages: () => [netbootPackage()] },
  mirror: {
    label: "a package mirror",
    packages: () => ["dpkg-dev", "apt-utils", "gpg", "gpgconf", "gpg-agent", "gpgv", "cpio", "xz-utils"],
  },
  rpm: { label: "rpm repositories and their clients", packages: () => ["createrepo-c", "rpm", "dnf", "zypper"] },
  clients: {
    label: "tests with foreign clients",
    packages: () => [
      ...["udhcpc", "isc-dhcp-client", "isc-dhcp-relay", "kea-admin", "atftp", "tftp-hpa", "libarchive-tools"],
      ...["tshark", "tcpdump", "curl", "wget", "nftables", "grub-common", "ifupdown", "iputils-ping", "procps"],
      // /etc/services, without which atftp knows no port.
      "netbase",
      ...["bind9-dnsutils", "busybox", "xorriso"],
      ...["lftp", "tnftp"],
    ],
  },
  judges: {
    label: "validators of what is rendered",
    packages: () => [
      "libxml2-utils",
      "python3-jsonschema",
      "python3-requests",
      "python3-yaml",
      "netplan.io",
      "dnsmasq-base",
      "bind9-utils",
      "chromium",
    ],
  },
};

/** What virtual machines that install Debian need: everything but the foreign clients. */
export const LAB_PURPOSES: readonly Purpose[] = ["machines", "loaders", "installer", "mirror"];

/** Debian releases whose installer the lab knows how to feed: version -> code name. */
const RELEASES: Readonly<Record<string, string>> = { 12: "bookworm", 13: "trixie" };

export interface NetbootImage {
  /** Folder with `linux` and `initrd.gz`. */
  readonly folder: string;
  /** Code name, e.g. `bookworm`. */
  readonly release: string;
}

/** The netboot image that is installed here, this computer's own release first. */
export function netbootImage(): NetbootImage | undefined {
  for (const version of versions()) {
    const folder = `/usr/lib/debian-installer/images/${version}/amd64/text/debian-installer/amd64`;
    const release = RELEASES[version];
    if (release && existsSync(`${folder}/linux`)) return { folder, release };
  }
  return undefined;
}

/** Packages that are not installed, in the order of the purposes. */
export function missingPackages(purposes: readonly Purpose[]): string[] {
  const wanted = [...new Set(purposes.flatMap((purpose) => PURPOSES[purpose].packages()))];
  const installed = installedOf(wanted);
  return wanted.filter((name) => !installed.has(name));
}

/** Reason why tests of these purposes cannot run here, or undefined. For `test({ skip })`. */
export function packageObstacle(...purposes: Purpose[]): string | undefined {
  const missing = missingPackages(purposes);
  return missing.length === 0 ? undefined : `needs packages: ${missing.join(" ")}`;
}

/**
 * Installs what is missing, after telling what. Rejects with `tool-missing`, which names the packages, when this is
 * not Debian or Ubuntu, the user is not root, or apt fails.
 */
export async function installPackages(purposes: readonly Purpose[], tell: (line: string) => void): Promise<void> {
  if (missingPackages(purposes).length === 0) return;
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) throw shortOf(purposes);
  await apt(["update"]).catch(() => undefined);
  const missing = missingPackages(purposes);
  tell(`installing ${missing.length} Debian packages: ${missing.join(" ")}`);
  await apt(["install", "--yes", "--no-install-recommends", ...missing]).catch((error) => {
    throw shortOf(purposes, error);
  });
}

function shortOf(purposes: readonly Purpose[], cause?: unknown): EverbootError {
  const purpose = purposes.map((name) => PURPOSES[name].label).join(", ");
  const details = { tool: "more software", purpose, package: missingPackages(purposes).join(" ") };
  return new EverbootError("tool-missing", details, cause);
}

function netbootPackage(): string {
  const known = spawnSync("apt-cache", ["pkgnames", "debian-installer-"], { encoding: "utf8" }).stdout ?? "";
  const names = versions().map((version) => `debian-installer-${version}-netboot-amd64`);
  const installed = installedOf(names);
  const available = new Set(known.split("\n"));
  const [first = "debian-installer-12-netboot-amd64"] = names;
  return names.find((name) => installed.has(name)) ?? names.find((name) => available.has(name)) ?? first;
}

/** Known versions, this computer's own first. */
function versions(): string[] {
  const osRelease = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  const own = /^VERSION_ID="?(\d+)"?$/m.exec(osRelease)?.[1];
  return Object.keys(RELEASES).sort((a, b) => Number(b === own) - Number(a === own));
}

function installedOf(names: readonly string[]): Set<string> {
  const result = spawnSync("dpkg-query", ["-W", "-f", "${Package} ${db:Status-Status}\n", ...names], {
    encoding: "utf8",
  });
  const lines = (result.stdout ?? "").split("\n").filter((line) => line.endsWith(" installed"));
  return new Set(lines.map((line) => line.split(" ")[0] ?? ""));
}

function apt(args: readonly string[]): Promise<void> {
  const child = spawn("apt-get", ["-qq", ...args], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint += text;
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => (code === 0 ? resolve() : reject(new Error(complaint.trim()))));
  });
}
