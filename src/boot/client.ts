/** What a machine that asks for its boot says about itself, parsed once into named facts (law 2). */
import type { Mac } from "../base/address.ts";

/** Where in its boot the asking program stands. `system` = an ordinary DHCP client: no boot file is wanted. */
export type AskingStage = "firmware" | "ipxe" | "installer" | "system";

export type Firmware = "bios" | "uefi";

export interface BootClient {
  readonly mac: Mac;
  readonly stage: AskingStage;
  readonly firmware: Firmware;
  /** Instruction set in Debian's names. */
  readonly arch: "i386" | "amd64" | "arm64" | "arm" | "riscv64" | "loong64" | "other";
  /** How the firmware fetches its loader: PXE (TFTP), or UEFI HTTP boot (RFC 7440 has no part in it). */
  readonly transport: "tftp" | "http";
  /** Option 93 as sent (RFC 4578 section 2.1), for the operator. */
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
