/** Network files of the installed system: the address is written down, so it comes up when every install server is dead. */
import type { Mac } from "../base/address.ts";
import { renderIfupdown } from "../bond/ifupdown.ts";
import type { Host } from "../site/model.ts";

export const BOND_DEVICE = "bond0";

/** Stands for the NIC's name until the installer, which sees the NICs, puts it in. */
function nicPlaceholder(mac: Mac): string {
  return `@${mac}@`;
}

/** The NICs whose names the installer has to find: all of the bond, else the one that booted. */
export function installedNics(host: Host, booted: Mac): readonly Mac[] {
  return host.bond ? host.bond.members : [booted];
}

/** /etc/network/interfaces with `@MAC@` in place of each NIC's name. */
export function interfacesTemplate(host: Host, booted: Mac): string {
  const address = { ...host.subnet, address: host.address };
  return host.bond
    ? renderIfupdown(BOND_DEVICE, address, { bond: host.bond, nicName: nicPlaceholder })
    : renderIfupdown(nicPlaceholder(booted), address);
}

/** /etc/resolv.conf. */
export function resolvConf(host: Host): string {
  const { domain, dns } = host.subnet;
  return [...(domain ? [`search ${domain}`] : []), ...dns.map((server) => `nameserver ${server}`), ""].join("\n");
}
