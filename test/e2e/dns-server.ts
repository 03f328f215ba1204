/** A DNS server on the address and site file that its arguments name, for a namespace: says `ready` when it listens. */
import { readFileSync } from "node:fs";
import process from "node:process";
import { type Ipv4, parseIpv4 } from "../../src/base/address.ts";
import { dnsSite } from "../../src/server/dns/judge.ts";
import { startDns } from "../support/dns.ts";
import { siteOf } from "../support/sites.ts";

const [path = "", ...addresses] = process.argv.slice(2);
const [address, forwarder] = addresses.map((text): Ipv4 => {
  const parsed = parseIpv4(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
});
if (address === undefined) throw new Error("usage: dns-server.ts SITE ADDRESS [FORWARDER]");

const site = siteOf(readFileSync(path, "utf8"));
const live = [...site.servers.values()].map((server) => server.floating ?? server.address);
await startDns(dnsSite(site, forwarder === undefined ? [] : [forwarder]), {
  ...{ address, port: 53, installAddresses: () => live },
});
process.stdout.write("ready\n");
