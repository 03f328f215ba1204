/** Which boot loader a machine's firmware is given. Names are those under which loaders are served. */
import type { Host, LoaderChoice, Site } from "../site/model.ts";
import type { Arch, BootClient, Firmware } from "./client.ts";

export interface ChosenLoader {
  /** File name below the server's root, e.g. `undionly.kpxe`. */
  readonly name: string;
  readonly why: string;
}

type Table = Readonly<Record<Exclude<LoaderChoice, "auto">, Partial<Record<`${Arch} ${Firmware}`, string>>>>;

/**
 * `ipxe` takes the network driver of the firmware (UNDI, SNP), which works wherever the firmware itself got this far;
 * `ipxe-full` brings iPXE's own drivers. `grub` is shim with the distribution's signed GRUB, for Secure Boot.
 */
const TABLE: Table = {
  ipxe: { "amd64 bios": "undionly.kpxe", "amd64 uefi": "snponly.efi", "arm64 uefi": "ipxe-arm64.efi" },
  "ipxe-full": { "amd64 bios": "ipxe.pxe", "amd64 uefi": "ipxe.efi", "arm64 uefi": "ipxe-arm64.efi" },
  pxelinux: { "amd64 bios": "pxelinux.0" },
  grub: { "amd64 uefi": "shimx64.efi", "arm64 uefi": "shimaa64.efi" },
};

export function chooseLoader(
  choice: LoaderChoice,
  client: Pick<BootClient, "arch" | "firmware">,
): ChosenLoader | undefined {
  const wanted = choice === "auto" ? "ipxe" : choice;
  const machine = `${client.arch} ${client.firmware}` as const;
  const name = TABLE[wanted][machine];
  const why = choice === "auto" ? "the usual loader of such machines" : `\`loader: ${choice}\` in the site file`;
  return name === undefined ? undefined : { name, why: `${machine} firmware gets ${name}: ${why}` };
}

/** What else a loader fetches by fixed names before it reads its configuration. */
const COMPANIONS: Readonly<Record<string, readonly string[]>> = {
  "pxelinux.0": ["ldlinux.c32"],
  "shimx64.efi": ["grubx64.efi"],
  "shimaa64.efi": ["grubaa64.efi"],
};

/**
 * Every loader file that machines of the site may be given, for `check` and `doctor`. Both firmwares of amd64 count,
 * as a site file does not say which one a host has; other machines' loaders are looked for when one asks.
 */
export function loadersOfSite(site: Site): readonly string[] {
  const choices = new Set([...site.hosts.values()].map((host: Host) => host.loader));
  const names = new Set<string>();
  for (const choice of choices) {
    for (const firmware of ["bios", "uefi"] as const) {
      const loader = chooseLoader(choice, { arch: "amd64", firmware });
      if (loader) for (const name of [loader.name, ...(COMPANIONS[loader.name] ?? [])]) names.add(name);
    }
  }
  return [...names].sort();
}
