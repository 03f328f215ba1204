/** The server that is measured, in a process of its own: tells its port, and at the end what it has used. */
import process from "node:process";
import { type Ipv4, ipv4FromNumber } from "../../src/base/address.ts";
import { silentLog } from "../../src/base/log.ts";
import { dnsSite } from "../../src/server/dns/judge.ts";
import { createDnsServer } from "../../src/server/dns/server.ts";
import { loadSite } from "../../src/site/load.ts";
import { DOMAIN, HOSTS, INSTALL } from "./questions.ts";

export interface Told {
  readonly port?: number;
  /** Seconds of processor time, and counters, at the end. */
  readonly used?: number;
  readonly counters?: Readonly<Record<string, number>>;
}

const LOOPBACK = ipv4FromNumber(0x7f00_0001);
const hosts = Array.from({ length: HOSTS }, (_, place) => {
  const last = place + 1;
  return `  host${place}: {nics: ["52:54:00:00:00:${last.toString(16).padStart(2, "0")}"], address: 127.1.0.${last}, profile: plain}`;
});
const text = `
site: bench
subnets:
  - {cidr: 127.0.0.0/8, domain: ${DOMAIN}}
names: {install: ${INSTALL}}
servers:
  one: {address: 127.0.0.1, floating: 127.0.0.2}
  two: {address: 127.0.0.3, floating: 127.0.0.4}
trees:
  debian-12: {family: debian, release: bookworm, path: /srv/debian-12}
profiles:
  plain: {tree: debian-12}
hosts:
${hosts.join("\n")}
`;

const loaded = loadSite(text, "bench.yaml");
if (!("site" in loaded)) throw new Error(JSON.stringify(loaded.problems));
const site = dnsSite(loaded.site, []);
const live = [...loaded.site.servers.values()].flatMap(({ floating }): Ipv4[] => (floating ? [floating] : []));
const server = createDnsServer({
  ...{ address: LOOPBACK, port: 0, site: () => site, installAddresses: () => live, log: silentLog },
});
await server.start();
const tell = (told: Told) => process.send?.(told);
tell({ port: server.port });
const before = process.cpuUsage();
process.once("message", () => {
  const { user, system } = process.cpuUsage(before);
  tell({ used: (user + system) / 1e6, counters: server.counters() });
  process.disconnect();
  void server.stop();
});
