/**
 * Run by dhcp.test.ts inside a namespace: serves DHCP for the site file's text given as argument. Standard output has a
 * line of JSON for each thing that happens: `ready`, each event, and the counters at the end (SIGTERM).
 */
import { writeSync } from "node:fs";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { planBoot } from "../../src/boot/plan.ts";
import { LeaseTable } from "../../src/cluster/leases.ts";
import { localInterfaces } from "../../src/net/interfaces.ts";
import { udpOpener } from "../../src/net/udp.ts";
import { createDhcpServer } from "../../src/server/dhcp/server.ts";
import type { DhcpEvent } from "../../src/server/dhcp/verdict.ts";
import { createMemoryStore } from "../../src/store/memory.ts";
import { siteOf } from "./sites.ts";

export type HarnessLine =
  | { readonly ready: true }
  | { readonly event: DhcpEvent }
  | { readonly counters: Readonly<Record<string, number>> };

function tell(line: HarnessLine): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

async function serve(siteText: string): Promise<void> {
  const site = siteOf(siteText);
  const [server] = site.servers.values();
  if (!server) throw new Error("the site has no server");
  const dhcp = createDhcpServer({
    site,
    server,
    interfaces: localInterfaces,
    plan: (client) => planBoot(site, client, () => ({ kind: "none", why: "none in tests" })),
    leases: await LeaseTable.open(createMemoryStore()),
    observer: (event) => tell({ event }),
    clock: systemClock,
    log: silentLog,
    sockets: await udpOpener(),
  });
  await dhcp.start();
  tell({ ready: true });
  await new Promise((resolve) => process.once("SIGTERM", resolve));
  await dhcp.stop();
  tell({ counters: dhcp.counters() });
}

const siteText = process.argv[2];
if (import.meta.main && siteText !== undefined) await serve(siteText);
