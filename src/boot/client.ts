/** What a machine that asks for its boot says about itself, parsed once into named facts (law 2). */
import type { Mac } from "../base/address.ts";

/** Where in its boot the asking program stands. `system` = an ordinary DHCP client: no boot file is wanted. */
export type AskingStage = "firmware" | "ipxe" | "installer" | "system";

export type Firmware = "bios" | "uefi";

/** Instruction set, in Debian's names. */
export type Arch = "i386" | "amd64" | "arm64" | "arm" | "riscv64" | "loong64" | "other";

export interface BootClient {
  readonly mac: Mac;
  readonly stage: AskingStage;
  readonly firmware: Firmware;
  readonly arch: Arch;
  /** How the firmware fetches its loader: PXE (TFTP) or UEFI HTTP boot. */
  readonly transport: "tftp" | "http";
  /** The first known code of option 93 (RFC 4578 section 2.1), for the operator. */
  readonly archCode?: number;
  /** SMBIOS UUID from option 97. */
  readonly uuid?: string;
  /** Option 60 as sent. */
  readonly vendorClass?: string;
}

/** The DHCP options that tell a boot client apart; filled by the DHCP server from the packet. */
export interface ClientOptions {
  /** Option 60. */
  readonly vendorClass?: string;
  /** Option 77, raw text: iPXE sends it without the length bytes of RFC 3004. */
  readonly userClass?: string;
  /** Option 93, in the order sent. */
  readonly archCodes: readonly number[];
  /** Option 97 without its type byte, 16 bytes. */
  readonly uuid?: Uint8Array;
  /** Option 175 is there: the client is iPXE. */
  readonly hasIpxeOptions: boolean;
}

type Platform = Pick<BootClient, "arch" | "firmware" | "transport">;

const platform = (arch: Arch, firmware: Firmware, transport: Platform["transport"] = "tftp"): Platform => ({
  arch,
  firmware,
  transport,
});

/**
 * IANA "Processor Architecture Types". 7 and 9 are both x64 UEFI: RFC 4578 and the registry have them swapped, and
 * firmware of either reading is in the field.
 */
const PLATFORMS: ReadonlyMap<number, Platform> = new Map([
  [0, platform("amd64", "bios")],
  [6, platform("i386", "uefi")],
  [7, platform("amd64", "uefi")],
  [9, platform("amd64", "uefi")],
  [10, platform("arm", "uefi")],
  [11, platform("arm64", "uefi")],
  [15, platform("i386", "uefi", "http")],
  [16, platform("amd64", "uefi", "http")],
  [18, platform("arm", "uefi", "http")],
  [19, platform("arm64", "uefi", "http")],
  [20, platform("amd64", "bios", "http")],
  [27, platform("riscv64", "uefi")],
  [28, platform("riscv64", "uefi", "http")],
  [39, platform("loong64", "uefi")],
  [40, platform("loong64", "uefi", "http")],
]);

export function classifyClient(mac: Mac, options: ClientOptions): BootClient {
  const archCode = options.archCodes.find((code) => PLATFORMS.has(code)) ?? options.archCodes[0];
  const known = archCode === undefined ? platform("amd64", "bios") : PLATFORMS.get(archCode);
  const wantsHttp = options.vendorClass?.startsWith("HTTPClient") ?? false;
  return {
    mac,
    stage: askingStage(options),
    ...(known ?? platform("other", "uefi")),
    ...(wantsHttp && { transport: "http" as const }),
    ...(archCode !== undefined && { archCode }),
    ...(options.uuid && { uuid: formatUuid(options.uuid) }),
    ...(options.vendorClass !== undefined && { vendorClass: options.vendorClass }),
  };
}

/** iPXE also sends `PXEClient`, so it is looked for first. */
function askingStage(options: ClientOptions): AskingStage {
  const vendor = options.vendorClass ?? "";
  if (options.hasIpxeOptions || options.userClass?.includes("iPXE")) return "ipxe";
  if (vendor.startsWith("PXEClient") || vendor.startsWith("HTTPClient")) return "firmware";
  if (vendor === "d-i" || vendor.startsWith("anaconda") || vendor.startsWith("dracut")) return "installer";
  return "system";
}

/** SMBIOS stores the first three fields little-endian (RFC 4578 section 2.3, SMBIOS 7.2.1). */
function formatUuid(bytes: Uint8Array): string {
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  const hex = order.map((index) => (bytes[index] ?? 0).toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
