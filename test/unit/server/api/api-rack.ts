/** A whole API over a site in memory, asked by both doors. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { siteOrders } from "../../../../src/balance/site-orders.ts";
import { systemClock } from "../../../../src/base/clock.ts";
import { silentLog } from "../../../../src/base/log.ts";
import { planBoot } from "../../../../src/boot/plan.ts";
import { type Audit, createAudit } from "../../../../src/cluster/audit.ts";
import { type Journal, openJournal } from "../../../../src/cluster/journal.ts";
import { openPermits, type Permits } from "../../../../src/cluster/permits.ts";
import { openTokens, type Role, type Tokens } from "../../../../src/cluster/tokens.ts";
import { createShowHost } from "../../../../src/export/show-host.ts";
import { lastingView } from "../../../../src/os/server-urls.ts";
import { FAMILIES, POLICIES } from "../../../../src/registry.ts";
import { type ApiOptions, type ApiServer, createApiServer, type Operations } from "../../../../src/server/api/api.ts";
import { createOperations, type OperationsOptions } from "../../../../src/server/boot/operations.ts";
import { createPermitGate } from "../../../../src/server/boot/permit-gate.ts";
import type { Site } from "../../../../src/site/model.ts";
import { createMemoryStore } from "../../../../src/store/memory.ts";
import type { Store } from "../../../../src/store/store.ts";
import { exampleSite, exampleText } from "../../../support/sites.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Undefined for what is no JSON. */
  readonly json: unknown;
}

export interface Ask {
  readonly method?: string;
  readonly path: string;
  /** Secret of a token. */
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is. */
  readonly raw?: string;
}

export interface ApiRack {
  readonly site: Site;
  readonly store: Store;
  readonly journal: Journal;
  readonly permits: Permits;
  readonly tokens: Tokens;
  readonly audit: Audit;
  readonly api: ApiServer;
  readonly operations: Operations;
  readonly socket: string;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Secrets of a token of each role, by the role. */
  readonly secrets: Readonly<Record<Role, string>>;
  /** By the network. */
  ask(ask: Ask): Promise<Answer>;
  /** By the control socket. */
  askSocket(ask: Ask): Promise<Answer>;
}

export interface RackOptions {
  readonly site?: Site;
  readonly operations?: Partial<OperationsOptions>;
  readonly api?: Partial<ApiOptions>;
}

export async function apiRack(context: TestContext, options: RackOptions = {}): Promise<ApiRack> {
  const clock = options.api?.clock ?? systemClock;
  const { site = exampleSite("pair") } = options;
  const store = createMemoryStore();
  const journal = await openJournal({ store, clock });
  const permits = await openPermits({ store, clock, journal, random: randomBytes });
  const tokens = await openTokens({ store, clock, random: randomBytes });
  const audit = createAudit({ store, clock, log: silentLog, server: "server1" });
  const operations = operationsOf(site, { journal, permits, clock, ...options.operations });
  const folder = mkdtempSync(join(tmpdir(), "everboot-api-"));
  const socket = join(folder, "control.sock");
  const api = createApiServer({
    ...{ socket, operations: () => operations, log: silentLog, clock, access: { tokens, audit } },
    network: { addresses: ["127.0.0.1"], port: 0, hasOpenMetrics: false },
    subscribe: journal.subscribe,
    ...options.api,
  });
  await api.start();
  context.after(async () => {
    await api.stop();
    rmSync(folder, { recursive: true });
  });
  const url = (api.urls()[0] ?? "").replace(/\/$/, "");
  const secretOf = async (role: Role) => (await tokens.add({ name: `a-${role}`, role, by: "test" })).secret;
  return {
    ...{ site, store, journal, permits, tokens, audit, api, operations, socket, url },
    secrets: { viewer: await secretOf("viewer"), operator: await secretOf("operator"), admin: await secretOf("admin") },
    ask: (ask) => exchange(new URL(url), ask),
    askSocket: (ask) => exchange({ socketPath: socket }, ask),
  };
}

type Given = Pick<OperationsOptions, "journal" | "permits" | "clock"> & Partial<OperationsOptions>;

function operationsOf(site: Site, given: Given): Operations {
  const [server = "one"] = site.servers.keys();
  const order = siteOrders(site, POLICIES);
  const gate = createPermitGate(given.permits, given.clock);
  const serverFor = () => lastingView([...site.servers.values()][0] ?? missing());
  const report = () => ({
    ...{ site: site.name, server, number: 3, revision: site.revision, text: exampleText("pair"), servers: [] },
  });
  return createOperations({
    ...{ site, server, servers: () => [] },
    plan: (client) => planBoot(site, client, (host) => gate.peek(host.name)),
    installFiles: { handing: async () => ({}) } as unknown as OperationsOptions["installFiles"],
    showHost: createShowHost({ site, families: FAMILIES, order, serverFor }),
    sites: { report, apply: async () => ({ number: 4, revision: "ab".repeat(32) }) },
    log: async () => ["a line of its log"],
    unknown: { list: () => [], accept: async (mac) => ({ mac }) },
    trees: { list: async () => ({ items: [], notes: [] }), used: () => [], look: () => undefined },
    drain: async () => undefined,
    ...given,
  });
}

function missing(): never {
  throw new Error("a site without servers");
}

type Place = { readonly socketPath: string } | URL;

export function exchange(place: Place, { method = "GET", path, token, headers = {}, body, raw }: Ask): Promise<Answer> {
  const text = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  const all = {
    ...(text !== undefined && {
      "content-type": "application/json",
      "content-length": String(Buffer.byteLength(text)),
    }),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...headers,
  };
  const target = place instanceof URL ? { host: place.hostname, port: place.port } : place;
  return new Promise((resolve, reject) => {
    const call = request({ ...target, method, path, headers: all, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const whole = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: whole, json: jsonOf(whole) });
      });
    });
    call.on("error", reject);
    call.end(text);
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
