/** Hosts: known by their own NICs, each at an address of its own, with a bond that can be made. */
import { formatCidr, formatRange, type Ipv4, ipv4ToNumber, type Mac, rangeContains } from "../base/address.ts";
import { checkBond } from "./check-bonds.ts";
import { type Claim, claimServerAddresses } from "./check-servers.ts";
import type { SiteDraft } from "./draft.ts";
import { suggestion } from "./nearest.ts";
import { type Finding, quote, type SitePath } from "./problem.ts";
import type { HostEntry, SubnetEntry } from "./schema.ts";
import { cidrSpan, reservedUse, type Span, spanHolds } from "./span.ts";

type Host = Partial<HostEntry>;

export function checkHosts(draft: SiteDraft): Finding[] {
  const addresses = new AddressCheck(draft);
  const nics = new NicCheck();
  const profiles = Object.keys(draft.profiles);
  return Object.entries(draft.hosts).flatMap(([name, host]) => [
    ...nics.check(name, host),
    ...addresses.check(name, host),
    ...checkProfile(name, host, profiles, draft),
    ...checkBond(name, host, draft),
  ]);
}

/** Remembers who has which MAC address. */
class NicCheck {
  private readonly owners = new Map<Mac, { readonly host: string; readonly path: SitePath }>();

  check(host: string, { nics }: Host): Finding[] {
    return (nics ?? []).flatMap((mac, index) => {
      const path = ["hosts", host, "nics", index];
      const owner = this.owners.get(mac);
      if (!owner) this.owners.set(mac, { host, path });
      if (!owner) return [];
      const what = owner.host === host ? `${mac} is listed twice` : `${mac} is a NIC of host ${owner.host} too`;
      return [{ path, what, other: owner.path, todo: "list each NIC once" }];
    });
  }
}

/** Remembers which addresses are taken, and by whom. */
class AddressCheck {
  private readonly taken: Map<Ipv4, Claim>;
  private readonly subnets: readonly (Partial<SubnetEntry> & { readonly span: Span | undefined })[];
  private readonly unknown: string;

  constructor(draft: SiteDraft) {
    this.taken = claimServerAddresses(draft).claims;
    this.subnets = draft.subnets.map((subnet) => ({ ...subnet, span: subnet.cidr && cidrSpan(subnet.cidr) }));
    this.unknown = draft.unknown ?? "ignore";
    for (const [index, { router }] of draft.subnets.entries()) {
      // A server may be the router of its subnet.
      if (!router || this.taken.has(router)) continue;
      this.taken.set(router, { use: "the router of its subnet", path: ["subnets", index, "router"] });
    }
  }

  check(host: string, { address }: Host): Finding[] {
    if (address === undefined) return [];
    const path = ["hosts", host, "address"];
    const claim = this.taken.get(address);
    if (claim) return [{ path, what: `${address} is ${claim.use}`, other: claim.path, todo: "choose another" }];
    this.taken.set(address, { use: `the address of host ${host}`, path });
    return this.checkSubnet(address, path);
  }

  private checkSubnet(address: Ipv4, path: SitePath): Finding[] {
    const value = ipv4ToNumber(address);
    const subnet = this.subnets.find(({ span }) => span && spanHolds(span, value));
    if (!subnet?.cidr) {
      // It may belong to a subnet that has a problem of its own.
      if (this.subnets.length === 0 || this.subnets.some(({ span }) => !span)) return [];
      return [{ path, what: `${address} is in no subnet of this site`, todo: "correct it, or add its subnet" }];
    }
    const use = reservedUse(subnet.cidr, address);
    const network = formatCidr(subnet.cidr);
    if (use) return [{ path, what: `${address} is the ${use} of ${network}`, todo: "choose another" }];
    // Without unknown machines nobody is given an address of the pool.
    if (this.unknown === "ignore" || !subnet.pool || !rangeContains(subnet.pool, address)) return [];
    const what = `${address} is in the pool ${formatRange(subnet.pool)}, which \`unknown: ${this.unknown}\` hands out`;
    return [{ path, what, todo: "choose one outside, or make the pool smaller" }];
  }
}

function checkProfile(host: string, { profile }: Host, known: readonly string[], { profiles }: SiteDraft): Finding[] {
  if (profile === undefined || Object.hasOwn(profiles, profile)) return [];
  const what = `no profile is called ${quote(profile)}`;
  return [{ path: ["hosts", host, "profile"], what, todo: suggestion(profile, known) }];
}
