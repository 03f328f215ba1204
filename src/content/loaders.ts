/** Boot loaders of the distribution's packages, served as they are: signed binaries must not be touched. */
import { diskFile } from "./disk-file.ts";
import type { Lookup } from "./served-file.ts";

export interface LoaderSource {
  /** Debian package that has the file. */
  readonly package: string;
  /** Absolute paths, best first; they differ between releases. */
  readonly paths: readonly string[];
}

/** By the name under which clients ask for it. */
export type LoaderTable = Readonly<Record<string, LoaderSource>>;

const IPXE = "/usr/lib/ipxe";
const PXELINUX = "/usr/lib/PXELINUX";
const SYSLINUX_BIOS = "/usr/lib/syslinux/modules/bios";
const SYSLINUX_MODULES = [
  "ldlinux.c32",
  "libutil.c32",
  "libcom32.c32",
  "menu.c32",
  "vesamenu.c32",
  "chain.c32",
  "pxechn.c32",
  "reboot.c32",
];

/**
 * Paths read from the packages of Debian 12, 13 and sid. iPXE's EFI programs were renamed in Debian 13
 * (`ipxe-amd64.efi`); in Debian 12 `ipxe.efi` is a link to /boot/ipxe.efi. shim looks for its second stage beside itself,
 * under the names of the table.
 */
export const LOADERS: LoaderTable = {
  "undionly.kpxe": { package: "ipxe", paths: [`${IPXE}/undionly.kpxe`] },
  "ipxe.pxe": { package: "ipxe", paths: [`${IPXE}/ipxe.pxe`] },
  "ipxe.efi": { package: "ipxe", paths: [`${IPXE}/ipxe-amd64.efi`, `${IPXE}/ipxe.efi`, "/boot/ipxe.efi"] },
  "snponly.efi": { package: "ipxe", paths: [`${IPXE}/snponly-amd64.efi`, `${IPXE}/snponly.efi`] },
  "ipxe-arm64.efi": { package: "ipxe", paths: [`${IPXE}/ipxe-arm64.efi`] },
  "snponly-arm64.efi": { package: "ipxe", paths: [`${IPXE}/snponly-arm64.efi`] },
  "pxelinux.0": { package: "pxelinux", paths: [`${PXELINUX}/pxelinux.0`] },
  "lpxelinux.0": { package: "pxelinux", paths: [`${PXELINUX}/lpxelinux.0`] },
  ...Object.fromEntries(
    SYSLINUX_MODULES.map((name) => [name, { package: "syslinux-common", paths: [`${SYSLINUX_BIOS}/${name}`] }]),
  ),
  "shimx64.efi": { package: "shim-signed", paths: ["/usr/lib/shim/shimx64.efi.signed"] },
  "grubx64.efi": {
    package: "grub-efi-amd64-signed",
    paths: ["/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed"],
  },
  "shimaa64.efi": { package: "shim-signed:arm64", paths: ["/usr/lib/shim/shimaa64.efi.signed"] },
  "grubaa64.efi": {
    package: "grub-efi-arm64-signed:arm64",
    paths: ["/usr/lib/grub/arm64-efi-signed/grubnetaa64.efi.signed"],
  },
};

export interface MissingLoader {
  readonly name: string;
  /** Absent: no package of the table has a loader of that name. */
  readonly package?: string;
}

/** The loader that clients know by `name`; absent too when its package is not installed. */
export async function loaderFile(name: string, table: LoaderTable = LOADERS): Promise<Lookup> {
  const source = Object.hasOwn(table, name) ? table[name] : undefined;
  for (const path of source?.paths ?? []) {
    const lookup = await diskFile(path, { name });
    if (lookup.kind !== "absent") return lookup;
  }
  return { kind: "absent" };
}

/** Those of `names` that cannot be served, in the same order, with the package to install. */
export async function missingLoaders(
  names: readonly string[],
  table: LoaderTable = LOADERS,
): Promise<readonly MissingLoader[]> {
  const lookups = await Promise.all(names.map((name) => loaderFile(name, table)));
  return names.flatMap((name, index) => (lookups[index]?.kind === "file" ? [] : [missing(name, table)]));
}

function missing(name: string, table: LoaderTable): MissingLoader {
  const source = Object.hasOwn(table, name) ? table[name] : undefined;
  return source === undefined ? { name } : { name, package: source.package };
}
