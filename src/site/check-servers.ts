/** Servers: no address twice, none that no machine may have, and a share for each when the policy is parity. */
import { cidrContains, formatCidr, type Ipv4 } from "../base/address.ts";
import type { SiteDraft } from "./draft.ts";
import type { Finding, SitePath } from "./problem.ts";
import { reservedUse } from "./span.ts";

/** What a server's address is called, and where it stands in the file. */
export interface Claim {
  readonly use: string;
  readonly path: SitePath;
}

export function checkServers(draft: SiteDraft): Finding[] {
  return [...claimServerAddresses(draft).findings, ...checkReserved(draft), ...checkParity(draft)];
}

function checkReserved({ servers, subnets }: SiteDraft): Finding[] {
  const used = Object.entries(servers).flatMap(([name, { address, floating }]) => [
    { address, path: ["servers", name, "address"] },
    { address: floating, path: ["servers", name, "floating"] },
  ]);
  return used.flatMap(({ address, path }) => {
    const cidr = address && subnets.find(({ cidr: each }) => each && cidrContains(each, address))?.cidr;
    const use = cidr && reservedUse(cidr, address);
    return use ? [{ path, what: `${address} is the ${use} of ${formatCidr(cidr)}`, todo: "choose another" }] : [];
  });
}

/** Each address of the servers with its first use; further uses are findings. */
export function claimServerAddresses({ servers }: SiteDraft): { claims: Map<Ipv4, Claim>; findings: Finding[] } {
  const claims = new Map<Ipv4, Claim>();
  const findings: Finding[] = [];
  const claim = (address: Ipv4 | undefined, use: string, path: SitePath) => {
    if (address === undefined) return;
    const first = claims.get(address);
    if (!first) claims.set(address, { use, path });
    else findings.push({ path, what: `${address} is ${first.use}`, other: first.path, todo: "choose another" });
  };
  for (const [name, { address }] of Object.entries(servers)) {
    claim(address, `the address of server ${name}`, ["servers", name, "address"]);
  }
  for (const [name, { floating }] of Object.entries(servers)) {
    claim(floating, `the floating address of server ${name}`, ["servers", name, "floating"]);
  }
  return { claims, findings };
}

/** Nobody's `serves` is fine too: then each serves the addresses that its place among the servers divides. */
function checkParity({ balance, servers }: SiteDraft): Finding[] {
  const entries = Object.entries(servers);
  if (balance !== "parity" || entries.every(([, server]) => server.serves === undefined)) return [];
  const findings: Finding[] = entries
    .filter(([, server]) => server.serves === undefined)
    .map(([name]) => ({
      path: ["servers", name, "serves"],
      what: `server ${name} has no \`serves\`, which \`balance: parity\` reads`,
      todo: "add `serves: odd` or `serves: even`",
    }));
  if (findings.length > 0 || entries.length < 2) return findings;
  const absent = (["odd", "even"] as const).filter((half) => entries.every(([, server]) => server.serves !== half));
  return absent.map((half) => ({
    path: ["balance"],
    what: `no server serves the ${half} addresses`,
    todo: `set \`serves: ${half}\` for one`,
  }));
}
