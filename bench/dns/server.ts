/** The server that is measured, in a process of its own: tells its port, and at the end its counters. */
import process from "node:process";
import { type Ipv4, ipv4FromNumber } from "../../src/base/address.ts";
import { silentLog } from "../../src/base/log.ts";
import { dnsSite } from "../../src/server/dns/judge.ts";
import { createDnsServer } from "../../src/server/dns/server.ts";
import { benchSite } from "./site.ts";

export interface Told {
  readonly port?: number;
  /** At the end. */
  readonly counters?: Readonly<Record<string, number>>;
}

const LOOPBACK = ipv4FromNumber(0x7f00_0001);
const loaded = benchSite();
const site = dnsSite(loaded, []);
const live = [...loaded.servers.values()].flatMap(({ floating }): Ipv4[] => (floating ? [floating] : []));
const server = createDnsServer({
  ...{ address: LOOPBACK, port: 0, site: () => site, installAddresses: () => live, log: silentLog },
});
await server.start();
const tell = (told: Told) => process.send?.(told);
tell({ port: server.port });
process.once("message", () => {
  tell({ counters: server.counters() });
  process.disconnect();
  void server.stop();
});
