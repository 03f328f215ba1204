/** Who else answers DHCP on the networks of the site? */
import { cidrContains, formatCidr, type Ipv4, type Mac } from "../base/address.ts";
import { createVendors } from "../cluster/unknown-vendors.ts";
import { type DhcpOffer, probeDhcp } from "../net/dhcp-probe.ts";
import type { LocalInterface } from "../net/interfaces.ts";
import type { Site, Subnet } from "../site/model.ts";
import { servedDevices } from "./addresses.ts";
import type { Check } from "./check.ts";
import { type Finding, finding } from "./findings.ts";

export const dhcpCheck: Check = {
  name: "dhcp",
  of: "server",
  look: async ({ site, server, interfaces, clock, random }, signal) => {
    const devices = servedDevices(site, server, interfaces);
    const vendor = createVendors();
    const looks = devices.map(async (device) => {
      const subnets = subnetsOn(device, site, interfaces).filter(({ dhcp }) => dhcp !== "off");
      if (subnets.length === 0) return [];
      const offers = await probeDhcp({ device, random: random(8), clock, signal });
      const told = await Promise.all(offers.map(async (offer) => tell(offer, await vendor(offer.mac))));
      return judgeOffers(device, subnets, told, ownAddresses(site, interfaces));
    });
    return (await Promise.all(looks)).flat();
  },
};

function subnetsOn(device: string, { subnets }: Site, interfaces: readonly LocalInterface[]): readonly Subnet[] {
  const here = interfaces.filter(({ name }) => name === device);
  return subnets.filter(({ cidr }) => here.some(({ address }) => cidrContains(cidr, address)));
}

/** By which servers of the site, and this machine, may answer. */
function ownAddresses({ servers }: Site, interfaces: readonly LocalInterface[]): ReadonlySet<Ipv4> {
  const known = [...servers.values()].flatMap(({ address, floating, links }) => [
    address,
    floating ?? address,
    ...links,
  ]);
  return new Set([...known, ...interfaces.map(({ address }) => address)]);
}

/** An offer with the maker of the NIC that it came from. */
export interface ToldOffer extends DhcpOffer {
  readonly vendor?: string;
}

function tell(offer: DhcpOffer, vendor: string | undefined): ToldOffer {
  return { ...offer, ...(vendor !== undefined && { vendor }) };
}

/** `subnets`: those of the device that have DHCP; at least one. */
export function judgeOffers(
  device: string,
  subnets: readonly Subnet[],
  offers: readonly ToldOffer[],
  own: ReadonlySet<Ipv4>,
): readonly Finding[] {
  const foreign = offers.filter(({ server }) => !own.has(server));
  const lending = foreign.filter(({ address }) => address !== undefined);
  const booting = foreign.filter(({ boots }) => boots);
  const [proxied] = subnets.filter(({ dhcp }) => dhcp === "proxy");
  const findings = proxied ? judgeProxied(device, proxied, lending) : judgeRogues(device, subnets, lending);
  // A rogue that lends addresses is switched off as a whole.
  const told = proxied ? booting : booting.filter(({ address }) => address === undefined);
  return [
    ...findings,
    ...told.map((offer) => finding("proxy-rogue", { address: offer.server, interface: device }, evidenceOf(offer))),
  ];
}

function judgeRogues(device: string, [subnet]: readonly Subnet[], lending: readonly ToldOffer[]): Finding[] {
  const where = { interface: device, subnet: subnet ? formatCidr(subnet.cidr) : "" };
  return lending.map((offer) => finding("dhcp-rogue", { ...where, address: offer.server }, evidenceOf(offer)));
}

function judgeProxied(device: string, { cidr }: Subnet, lending: readonly ToldOffer[]): Finding[] {
  const where = { interface: device, subnet: formatCidr(cidr) };
  const count = new Set(lending.map(({ server }) => server)).size;
  if (count === 0) return [finding("dhcp-silent", where, "no offer to an unknown machine within 4 s")];
  return count === 1 ? [] : [finding("dhcp-several", { ...where, count }, lending.map(evidenceOf).join("; "))];
}

function evidenceOf({ server, mac, vendor, address }: ToldOffer): string {
  const given = address === undefined ? "boot data alone" : address;
  return `${server} at ${macText(mac, vendor)} offered ${given} to a machine that does not exist`;
}

export function macText(mac: Mac, vendor: string | undefined): string {
  return vendor === undefined ? mac : `${mac} (${vendor})`;
}
