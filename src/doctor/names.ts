/** Are the names of the site file known, and do the name servers answer that it gives to machines? */
import { lookup, Resolver } from "node:dns/promises";
import { formatCidr, type Ipv4, parseIpv4 } from "../base/address.ts";
import { errnoOf } from "../base/errors.ts";
import type { Site } from "../site/model.ts";
import type { Check } from "./check.ts";
import { type Finding, finding } from "./findings.ts";

const ANSWER_MS = 1500;
/** What a resolver says when nobody answered it, as against an answer that is not the wished one. */
const SILENT = new Set(["ETIMEOUT", "ECONNREFUSED", "ETIMEDOUT"]);

export const namesCheck: Check = {
  name: "names",
  of: "machine",
  look: async ({ site }) => {
    const [names, servers] = await Promise.all([
      Promise.all(namesOf(site).map(async (each) => ({ ...each, trouble: await troubleOf(each.name) }))),
      Promise.all(nameServersOf(site).map(async (each) => ({ ...each, trouble: await silenceOf(each.address) }))),
    ]);
    return [...judgeNames(names), ...judgeNameServers(servers)];
  },
};

interface Name {
  readonly name: string;
  readonly use: string;
}

/** Those that this machine itself asks for. */
export function namesOf({ etcd = [], trees }: Pick<Site, "etcd" | "trees">): readonly Name[] {
  const upstreams = [...trees.values()].flatMap(({ name, upstream }) =>
    upstream === undefined || upstream === "apt" ? [] : [{ name: hostOf(upstream), use: `upstream of tree ${name}` }],
  );
  const all = [...etcd.map((url) => ({ name: hostOf(url), use: "etcd" })), ...upstreams];
  return all.filter(({ name }) => name !== "" && parseIpv4(name) === undefined && !name.startsWith("["));
}

function hostOf(url: string): string {
  return URL.parse(url)?.hostname ?? "";
}

interface NameServer {
  readonly address: Ipv4;
  readonly subnet: string;
}

function nameServersOf({ subnets }: Site): readonly NameServer[] {
  return subnets.flatMap(({ dns, cidr }) => dns.map((address) => ({ address, subnet: formatCidr(cidr) })));
}

/** The errno's name; undefined = none. */
interface Asked {
  readonly trouble: string | undefined;
}

export function judgeNames(names: readonly (Name & Asked)[]): readonly Finding[] {
  return names.flatMap(({ name, use, trouble }) =>
    trouble === undefined ? [] : [finding("name-unresolved", { name, use }, `getaddrinfo(3): ${trouble}`)],
  );
}

export function judgeNameServers(servers: readonly (NameServer & Asked)[]): readonly Finding[] {
  return servers.flatMap(({ address, subnet, trouble }) =>
    trouble === undefined ? [] : [finding("dns-silent", { address, subnet }, `a question to its port 53: ${trouble}`)],
  );
}

function troubleOf(name: string): Promise<string | undefined> {
  return lookup(name).then(
    () => undefined,
    (error: unknown) => errnoOf(error) ?? "no answer",
  );
}

/** The root's name servers are a question that every server has an answer to, be it a refusal. */
async function silenceOf(address: Ipv4): Promise<string | undefined> {
  const resolver = new Resolver({ timeout: ANSWER_MS, tries: 1 });
  resolver.setServers([address]);
  return resolver.resolveNs(".").then(
    () => undefined,
    (error: unknown) => (SILENT.has(errnoOf(error) ?? "") ? errnoOf(error) : undefined),
  );
}
