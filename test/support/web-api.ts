/** The API as the dashboard meets it, over a fleet in memory. `node test/support/web-api.ts 5000` shows it in a browser. */
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { fileURLToPath } from "node:url";
import Fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import { sendWeb } from "../../src/server/api/beside.ts";
import type { HostSummary } from "../../src/server/api/shapes.ts";
import { loadBuiltFiles, WEB_FOLDER } from "../../src/server/web/files.ts";
import { serveFiles } from "../../src/server/web/serve.ts";
import { createWebFleet, type WebFleet } from "./web-fleet.ts";

export const TOKEN = "eb_a_TESTTESTTESTTESTTESTTESTTESTTEST";

export interface WebApi {
  readonly url: string;
  readonly fleet: WebFleet;
  /** Calls that change something, in their order. */
  readonly changes: { readonly method: string; readonly path: string; readonly body: unknown }[];
  /** Moves machines on and tells the open streams. */
  step(count: number): void;
  /** Tells the open streams how the servers do. */
  tellServers(): void;
  /** Sets one machine, and tells the open streams. */
  put(host: HostSummary): void;
  /** Ends the streams, and refuses new ones until `false`. */
  cut(isCut: boolean): void;
  close(): Promise<void>;
}

export interface WebApiOptions {
  readonly count: number;
  readonly role?: "viewer" | "operator" | "admin";
  readonly folder?: string;
}

export async function startWebApi({ count, role = "admin", folder = WEB_FOLDER }: WebApiOptions): Promise<WebApi> {
  const fleet = createWebFleet(count, Date.now());
  const streams = new Set<ServerResponse>();
  const changes: WebApi["changes"] = [];
  let isCut = false;
  const app = Fastify({ logger: false, forceCloseConnections: true });
  const tell = (event: string, data: unknown) => {
    for (const stream of streams) stream.write(eventText(event, data));
  };
  const tellHosts = (hosts: readonly HostSummary[]) => tell("hosts", { now: Date.now(), hosts, gone: [] });

  addSession(app, role);
  addReads(app, fleet);
  app.get("/api/v1/stream", (_request, reply) => {
    if (isCut) return reply.code(503).send({ code: "state-failing", text: "not now" });
    reply.hijack();
    reply.raw.writeHead(200, { "content-type": "text/event-stream" });
    const hosts = [...fleet.hosts.values()];
    reply.raw.write(eventText("fleet", { now: Date.now(), server: "one", site: "dc-1", hosts }));
    reply.raw.write(eventText("servers", fleet.servers));
    streams.add(reply.raw);
    reply.raw.on("close", () => streams.delete(reply.raw));
    return reply;
  });
  app.addHook("preHandler", async (request, reply) => {
    if (request.method === "GET" || request.url === "/api/v1/session") return;
    changes.push({ method: request.method, path: request.url, body: request.body });
    if (role === "viewer") return refuse(reply, 403, "role-missing", "the role operator is needed");
  });
  addChanges(app, fleet, tellHosts);
  const web = serveFiles(await loadBuiltFiles(folder));
  app.setNotFoundHandler((request, reply) => {
    return sendWeb(web, request, reply) ?? refuse(reply, 404, "call-unknown", "there is no such call");
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    fleet,
    changes,
    step: (many) => tellHosts(fleet.step(many, Date.now())),
    tellServers: () => tell("servers", fleet.servers),
    put(host) {
      fleet.hosts.set(host.host, host);
      tellHosts([host]);
    },
    cut(next) {
      isCut = next;
      if (next) for (const stream of streams) stream.destroy();
    },
    close: () => app.close(),
  };
}

function eventText(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

function refuse(reply: FastifyReply, status: number, code: string, text: string): FastifyReply {
  return reply.code(status).type("application/problem+json").send({ status, code, detail: text, text });
}

function addSession(app: FastifyInstance, role: string): void {
  const who = { name: "test", role, site: "dc-1", server: "one" };
  app.addHook("onRequest", async (request, reply) => {
    const isOpen = !request.url.startsWith("/api/") || (request.url === "/api/v1/session" && request.method === "POST");
    if (isOpen || request.headers.cookie?.includes("everboot_session=")) return;
    return refuse(reply, 401, "token-missing", "log in first");
  });
  app.get("/api/v1/session", async () => who);
  app.post("/api/v1/session", async (request, reply) => {
    const { token } = request.body as { token: string };
    if (token !== TOKEN) return refuse(reply, 401, "token-wrong", "this token is not known: look for a letter too few");
    return reply.header("set-cookie", "everboot_session=1; HttpOnly; SameSite=Strict; Path=/").send(who);
  });
  app.delete("/api/v1/session", async (_request, reply) =>
    reply.header("set-cookie", "everboot_session=; Max-Age=0; Path=/").send({}),
  );
}

interface HostParams {
  Params: { host: string };
}

function addReads(app: FastifyInstance, fleet: WebFleet): void {
  app.get<HostParams>("/api/v1/hosts/:host", async ({ params: { host } }, reply) => {
    const status = fleet.status(host, Date.now());
    if (status === undefined) return refuse(reply, 404, "host-unknown", `the site file has no host ${host}`);
    return { now: Date.now(), ...status };
  });
  app.get<HostParams>("/api/v1/hosts/:host/boots", async ({ params }) => ({ items: fleet.boots(params.host) }));
  app.get<HostParams>("/api/v1/hosts/:host/events", async ({ params }) => ({ items: fleet.events(params.host) }));
  app.get<HostParams>("/api/v1/hosts/:host/log", async ({ params }) => ({ items: logOf(params.host) }));
  app.get<HostParams>("/api/v1/hosts/:host/bond", async ({ params }) => bondOf(fleet.hosts.get(params.host)));
  app.get<HostParams>("/api/v1/hosts/:host/plan", async ({ params: { host } }) => ({
    ...{ host, address: "10.20.1.14", action: "install", reasons: ["permit 3fa9c1d2 is open for 3 h 50 min"] },
    steps: [
      { asks: "firmware", gets: "loader/undionly.kpxe", why: "a BIOS gets iPXE by TFTP" },
      { asks: "ipxe", gets: `http://10.20.0.11/boot/${host}.ipxe`, why: "iPXE gets its boot script" },
    ],
  }));
  app.get<HostParams>("/api/v1/hosts/:host/render", async ({ params }) => ({
    ...{ host: params.host, format: "answer" },
    files: [
      {
        path: "preseed.cfg",
        text: `d-i netcfg/get_hostname string ${params.host}\nd-i partman-auto/method string regular\n`,
      },
    ],
  }));
  app.get("/api/v1/unknown", async () => ({ items: fleet.unknown }));
}

function logOf(host: string): string[] {
  const lines = Array.from({ length: 60 }, (_, place) => `Unpacking package-${place + 1} (1.${place}-1) ...`);
  return lines.map((line, place) => `Nov 20 14:03:${String(place).padStart(2, "0")} ${host} in-target: ${line}`);
}

function bondOf(host: HostSummary | undefined) {
  const nics = ["52:54:00:00:01:01", "52:54:00:00:01:02"];
  const bond = {
    device: "bond0",
    vlans: [],
    mode: "802.3ad",
    miimon: 100,
    lacp_rate: "fast",
    xmit_hash_policy: "layer3+4",
    members: nics,
  };
  const declared = { nics, bond };
  if (host?.state !== "verified" && host?.state !== "differs") return { declared };
  const isUp = host.state === "verified";
  const partner = { system: "00:1c:73:aa:bb:01", key: 7 };
  const member = { status: "up", speed: 25_000, duplex: "full", failures: 0, aggregator: 1, partner };
  return {
    declared,
    found: {
      at: host.since ?? 0,
      text: isUp ? "bond0 over 2 NICs, mode 802.3ad" : "eth1 of bond0 is down: see its cable",
      bond: {
        kind: "bond",
        status: "up",
        settings: { mode: "802.3ad", miimon: 100, lacp_rate: isUp ? "fast" : "slow", xmit_hash_policy: "layer3+4" },
        lacp: { aggregator: { id: 1, ports: isUp ? 2 : 1 } },
        members: [
          { name: "eth0", mac: nics[0], ...member },
          { name: "eth1", mac: nics[1], ...member, ...(!isUp && { status: "down", failures: 3, aggregator: 2 }) },
        ],
        unknown: [],
      },
    },
    verdict: host.state,
  };
}

function addChanges(app: FastifyInstance, fleet: WebFleet, tellHosts: (hosts: readonly HostSummary[]) => void): void {
  const change = (name: string, state: "permitted" | "local") => {
    const { host, profile } = fleet.hosts.get(name) ?? { host: name, profile: "web" };
    const changed: HostSummary = { host, profile, state };
    fleet.hosts.set(name, changed);
    tellHosts([changed]);
  };
  app.post<HostParams>("/api/v1/hosts/:host/permit", async ({ params: { host } }) => {
    change(host, "permitted");
    const now = Date.now();
    return { id: "5b12aa90", host, state: "issued", issued: now, expires: now + 4 * 60 * 60_000 };
  });
  app.delete<HostParams>("/api/v1/hosts/:host/permit", async ({ params: { host } }) => {
    change(host, "local");
    return { id: "3fa9c1d2", host, state: "cancelled", issued: 0, expires: 0 };
  });
  app.post("/api/v1/cluster/drain", async ({ body }) => body);
  app.post<{ Params: { mac: string }; Body: { name: string } }>(
    "/api/v1/unknown/:mac/accept",
    async (request, reply) => {
      const { mac } = request.params;
      if (fleet.hosts.has(request.body.name))
        return refuse(reply, 409, "host-exists", `there is a host ${request.body.name}`);
      fleet.unknown.splice(
        fleet.unknown.findIndex((machine) => machine.mac === mac),
        1,
      );
      return { host: request.body.name };
    },
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const api = await startWebApi({ count: Number(process.argv[2] ?? 200) });
  process.stdout.write(`${api.url} with token ${TOKEN}\n`);
  setInterval(() => api.step(40), 250);
  setInterval(() => api.tellServers(), 1000);
}
