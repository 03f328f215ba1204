/** What is kept of a message or a fetch of an unknown machine. Pure. */
import { type Cidr, formatCidr, type Ipv4, type Mac, parseMac } from "../base/address.ts";
import type { BootClient } from "../boot/client.ts";
import type { Sighting } from "./unknown.ts";

/** Where and when a DHCP message was heard, and what it was answered. */
export interface Hearing {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly interface: string;
  readonly subnet?: Cidr;
  /** Given, or used by the client already. */
  readonly address?: Ipv4;
}

export function sightingOf(client: BootClient, { at, interface: device, subnet, address }: Hearing): Sighting {
  const { mac, arch, firmware, archCode, vendorClass, uuid } = client;
  // Without option 93 they are a guess.
  const isTold = archCode !== undefined;
  return {
    ...{ at, mac, interface: device },
    ...(isTold && { arch, firmware }),
    // That of firmware names no vendor: `PXEClient:Arch:00007:UNDI:003016`.
    ...(vendorClass !== undefined && !/^(PXE|HTTP)Client/.test(vendorClass) && { vendor: vendorClass }),
    ...(uuid !== undefined && { uuid }),
    ...(subnet && { subnet: formatCidr(subnet) }),
    ...(address && { address }),
  };
}

const SCRIPT_PATH = /^\/?(?:boot\/ipxe\/|pxelinux\.cfg\/01-|grub\/(?:\d+\/)?grub\.cfg-01-)([0-9a-f:-]{17})(?:\/|$)/i;

/** The machine that a boot script is for, by its path: `boot/ipxe/<mac>`, `pxelinux.cfg/01-<mac>`, `grub/grub.cfg-01-<mac>`. */
export function macOfScriptPath(path: string): Mac | undefined {
  const [, mac] = SCRIPT_PATH.exec(path) ?? [];
  return mac === undefined ? undefined : parseMac(mac);
}
