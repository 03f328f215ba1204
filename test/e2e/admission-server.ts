/**
 * Run by admission.test.ts inside a namespace: DHCP, TFTP and HTTP for the site of one server that lets one machine in
 * at a time; `other` is installing. Standard output has a line of JSON for each thing that happens. On standard input
 * `away` closes TFTP and HTTP, `back` opens them again, `free` ends the install of `other`.
 */
import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { agreedOrders } from "../../src/balance/site-orders.ts";
import type { Ipv4 } from "../../src/base/address.ts";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { planBoot } from "../../src/boot/plan.ts";
import { AdmissionControl } from "../../src/cluster/admission.ts";
import { openJournal } from "../../src/cluster/journal.ts";
import { LeaseTable } from "../../src/cluster/leases.ts";
import { openPermits } from "../../src/cluster/permits.ts";
import { folderResolver } from "../../src/content/folder.ts";
import { loaderFile } from "../../src/content/loaders.ts";
import { localInterfaces } from "../../src/net/interfaces.ts";
import { udpOpener } from "../../src/net/udp.ts";
import { FAMILIES, POLICIES } from "../../src/registry.ts";
import { createBootFiles, withoutRedirects } from "../../src/server/boot/boot-files.ts";
import { createInstallFiles } from "../../src/server/boot/install-files.ts";
import { createPermitGate } from "../../src/server/boot/permit-gate.ts";
import { createDhcpServer } from "../../src/server/dhcp/server.ts";
import { createHttpServer } from "../../src/server/http/server.ts";
import { createTftpServer } from "../../src/server/tftp/server.ts";
import { createMemoryStore } from "../../src/store/memory.ts";
import { siteOf } from "../support/sites.ts";

export type AdmissionLine =
  | { readonly ready: true }
  | { readonly waits: string }
  /** A file was asked for. */
  | { readonly path: string };

function tell(line: AdmissionLine): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

const clock = systemClock;
const log = silentLog;
const ADDRESS = "192.168.77.1" as Ipv4;

/** `folder` has the tree. */
async function serve(siteText: string, folder: string): Promise<void> {
  const site = siteOf(siteText);
  const [server] = site.servers.values();
  if (!server) throw new Error("the site has no server");
  const store = createMemoryStore();
  const journal = await openJournal({ store, clock });
  const permits = await openPermits({ store, clock, journal, random: randomBytes });
  for (const host of site.hosts.keys()) await permits.issue(host);
  await permits.handOut("other", { server: server.name });
  const gate = createPermitGate(permits, clock);
  const order = agreedOrders(site, POLICIES);
  const treeFiles = folderResolver(folder);
  const tree = (_tree: unknown, path: string) => treeFiles(path);
  const admission = new AdmissionControl({
    ...{ site, self: server.name, permits, order, clock, random: Math.random },
    isAlive: () => true,
    members: () => new Map(),
    lastSign: () => undefined,
  });
  const files = createBootFiles({
    ...{ site, permits: gate, admission, tree, clock, loader: loaderFile },
    installFiles: createInstallFiles({ site, families: FAMILIES, order, tree }),
    serverFor: () => ({ address: ADDRESS, httpPort: server.httpPort, name: server.name }),
    onScript: ({ host, action }) => {
      if (action === "wait") tell({ waits: host.name });
      return undefined;
    },
    onUnlisted: () => {},
  });
  const observer = { started: ({ path }: { path: string }) => tell({ path }), ended: () => {}, request: () => {} };
  const about = { address: ADDRESS, resolve: withoutRedirects(files), observer, clock, log };
  const dhcp = createDhcpServer({
    ...{ site, server, interfaces: localInterfaces, clock, log, observer: () => {} },
    plan: (client) => planBoot(site, client, (host) => gate.peek(host.name)),
    leases: await LeaseTable.open(store),
    sockets: await udpOpener(),
  });
  const open = async () => {
    const servers = [createHttpServer({ ...about, port: server.httpPort, routes: [] }), createTftpServer(about)];
    for (const each of servers) await each.start();
    return servers;
  };
  await dhcp.start();
  const finish = () => permits.advance(permits.newestOf("other")?.token ?? "", "done");
  await obey(await open(), open, finish);
}

type Servers = ReadonlyArray<{ stop(): Promise<void> }>;

async function obey(opened: Servers, open: () => Promise<Servers>, finish: () => Promise<unknown>): Promise<void> {
  let servers = opened;
  tell({ ready: true });
  for await (const line of createInterface(process.stdin)) {
    if (line === "away") for (const each of servers) await each.stop();
    if (line === "back") servers = await open();
    if (line === "free") await finish();
  }
}

const [siteText, folder] = process.argv.slice(2);
if (import.meta.main && siteText !== undefined && folder !== undefined) await serve(siteText, folder);
