/** An unknown machine becomes a host: which profile and address it gets, and the site file with it. Pure. */
import { cidrContains, formatCidr, type Ipv4, parseIpv4 } from "../base/address.ts";
import { EverbootError } from "../base/errors.ts";
import { addHost, type EditedSite } from "../site/edit.ts";
import { freeAddress } from "../site/edit-address.ts";
import type { NewHost } from "../site/edit-entry.ts";
import { loadSite } from "../site/load.ts";
import type { Site, Subnet } from "../site/model.ts";
import { suggestion } from "../site/nearest.ts";
import type { UnknownMachine } from "./unknown.ts";

export interface AcceptRequest {
  /** Of the host that it becomes. */
  readonly name: string;
  /** Left out: the only one. */
  readonly profile?: string;
  /** Left out: a free one of the network that it asked in. */
  readonly address?: string;
}

export interface Acceptance extends EditedSite {
  readonly host: NewHost;
}

/**
 * `text` is the site file that is applied. Throws EverbootError `host-exists`, `profile-unknown`, `address-needed`,
 * `usage` for what is no address, or as `addHost` does.
 */
export function acceptMachine(text: string, machine: UnknownMachine, request: AcceptRequest): Acceptance {
  const loaded = loadSite(text, "/site.yaml");
  // Another version of Everboot may have applied what this one cannot read.
  if (!("site" in loaded)) throw new EverbootError("site-uneditable");
  const { site } = loaded;
  const { name } = request;
  if (site.hosts.has(name)) throw exists(`there is a host ${name}`, "choose another name");
  const owner = site.hostByMac.get(machine.mac);
  if (owner) throw exists(`${machine.mac} is a NIC of host ${owner.name}`, "nothing is to be accepted");
  const profile = chooseProfile(site, request.profile);
  const address = request.address === undefined ? chooseAddress(site, machine) : readAddress(request.address);
  const host: NewHost = { name, nics: [machine.mac], address, profile };
  return { ...addHost(text, host), host };
}

function exists(what: string, todo: string): EverbootError {
  return new EverbootError("host-exists", { what, todo });
}

function chooseProfile({ profiles }: Site, wanted: string | undefined): string {
  const names = [...profiles.keys()];
  const [only, ...others] = names;
  if (wanted !== undefined && profiles.has(wanted)) return wanted;
  if (wanted === undefined && only !== undefined && others.length === 0) return only;
  const what = wanted === undefined ? "which profile it is to have is not clear" : `no profile is called ${wanted}`;
  throw new EverbootError("profile-unknown", { what, hint: suggestion(wanted ?? "", names) });
}

function readAddress(text: string): Ipv4 {
  const address = parseIpv4(text);
  if (!address) throw new EverbootError("usage", { what: `${JSON.stringify(text)} is no IPv4 address` });
  return address;
}

function chooseAddress(site: Site, machine: UnknownMachine): Ipv4 {
  const subnet = subnetOf(site, machine);
  if (!subnet) throw needed("the network of this machine is not known");
  const network = formatCidr(subnet.cidr);
  if (subnet.dhcp !== "authoritative") throw needed(`another DHCP server gives the addresses of ${network}`);
  const address = freeAddress(site, subnet);
  if (!address) throw needed(`no address of ${network} is free`);
  return address;
}

function needed(why: string): EverbootError {
  return new EverbootError("address-needed", { why });
}

function subnetOf({ subnets }: Site, { subnet, address }: UnknownMachine): Subnet | undefined {
  const named = subnets.find(({ cidr }) => formatCidr(cidr) === subnet);
  const around = subnets.find(({ cidr }) => address && cidrContains(cidr, address));
  return named ?? around ?? (subnets.length === 1 ? subnets[0] : undefined);
}
