/** What `everboot cluster` meets in tests: a site on loopback, a daemon and members of etcd that answer what they are told. */
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { stringify } from "yaml";
import { clusterCommand } from "../../../src/cli/cluster.ts";
import type { Io } from "../../../src/cli/command.ts";
import { statePaths } from "../../../src/cluster/state-folder.ts";

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

/** The JSON to answer, or undefined for a 404. */
export type Answer = (call: Call) => unknown;

/** Test files run side by side: each process has a network of its own. */
const NETWORK = `127.${(process.pid >> 8) & 0xff}.${process.pid & 0xff}`;
export const ADDRESSES = [`${NETWORK}.1`, `${NETWORK}.2`, `${NETWORK}.3`] as const;
/** Of the members of etcd; nothing listens there unless a test does. */
const PORT = 23790;

export const clientUrl = (address: string) => `http://${address}:${PORT}`;
export const peerUrl = (address: string) => `http://${address}:${PORT + 1}`;

/** A folder with `site.yaml`: three servers, each with a member of etcd; and a program `etcd`, which no test starts. */
export function createWorld(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "everboot-cluster-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const site = {
    site: "lab",
    subnets: [{ cidr: `${NETWORK}.0/24` }],
    servers: Object.fromEntries(ADDRESSES.map((address, place) => [`server${place + 1}`, { address }])),
    state: { etcd: ADDRESSES.map(clientUrl) },
    ...{ trees: {}, profiles: {}, hosts: {} },
  };
  writeFileSync(join(folder, "site.yaml"), stringify(site));
  writeFileSync(join(folder, "etcd"), "");
  const out: string[] = [];
  const err: string[] = [];
  const io: Io = {
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
    write: () => undefined,
    ...{ cwd: folder, env: { PATH: folder }, signal: new AbortController().signal, terminal: false, columns: 80 },
  };
  /** The exit code; the lines are in `out` and `err`, which it empties first. */
  const run = (...args: readonly string[]) => {
    out.length = 0;
    err.length = 0;
    return clusterCommand.run(args, io);
  };
  const daemon = async (answer: Answer, state = "state") => {
    const { socket, folder: home } = statePaths(join(folder, state));
    mkdirSync(home, { recursive: true });
    await listen(t, answer, (server) => server.listen(socket));
  };
  const etcd = (address: string, answer: Answer) => listen(t, answer, (server) => server.listen(PORT, address));
  return { folder, out, err, run, daemon, etcd };
}

async function listen(
  t: TestContext,
  answer: Answer,
  open: (server: ReturnType<typeof createServer>) => unknown,
): Promise<void> {
  const server = createServer(handler(answer));
  open(server);
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
}

function handler(answer: Answer): RequestListener {
  return async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const told = answer({ method: request.method ?? "", path: request.url ?? "", body });
    response.writeHead(told === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(told ?? { code: 5, text: "no such call", message: "no such call" }));
  };
}
