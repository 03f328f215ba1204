/**
 * Run by replication.test.ts, to be killed: a server with one tree, which it offers to its peers and keeps as it is told.
 * Its argument is a ServerArguments as JSON. Each line that it writes is a Told as JSON.
 */
import { writeSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { steadyClock, systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { TreeReplica } from "../../src/content/replica.ts";
import { createHttpPeer } from "../../src/content/replica-peer.ts";
import { Throttle } from "../../src/content/replica-throttle.ts";
import { createHttpServer } from "../../src/server/http/server.ts";
import { createTreeRoutes } from "../../src/server/trees/routes.ts";

export interface ServerArguments {
  readonly name: string;
  readonly root: string;
  readonly address: string;
  /** 0 = any. */
  readonly port: number;
  /** URLs by name. */
  readonly peers: Readonly<Record<string, string>>;
  readonly tree: string;
  /** The version that is wanted. */
  readonly current: string;
  /** The site's key as hex. */
  readonly key: string;
  /** Bytes a second. */
  readonly rate: number;
}

/** When it begins to listen, and then whenever something is new. */
export interface Told {
  readonly port: number;
  /** Of the version's bytes; absent = it is not fetching. */
  readonly done?: number;
  readonly from?: readonly string[];
  /** The version that it serves. */
  readonly current?: string;
}

/** How often it looks whether something is new, in milliseconds. */
const LOOK_MS = 10;

async function serve({
  name,
  root,
  address,
  port,
  peers,
  tree,
  current,
  key: hex,
  rate,
}: ServerArguments): Promise<void> {
  const key = Buffer.from(hex, "hex");
  const routes = createTreeRoutes({
    ...{ key, clock: systemClock, log: silentLog },
    isPeer: (server) => server !== name,
    treePath: (asked) => (asked === tree ? root : undefined),
  });
  const http = createHttpServer({
    ...{ address, port, routes, clock: systemClock, log: silentLog },
    resolve: async () => ({ kind: "absent" }),
    observer: { started: () => undefined, ended: () => undefined, request: () => undefined },
  });
  await http.start();
  const throttle = new Throttle(steadyClock, rate);
  const about = { self: name, key, throttle, clock: systemClock, idleMs: 1000 };
  const replica = new TreeReplica({
    ...{ clock: systemClock, log: silentLog, random: Math.random, scrubThrottle: new Throttle(steadyClock) },
    trees: () => [{ name: tree, path: root, current, keep: [] }],
    peers: () => Object.entries(peers).map(([peer, url]) => createHttpPeer({ ...about, name: peer, url })),
    timing: { round: 200, retries: [50, 100, 200, 400, 800] },
  });
  let last = "";
  const tell = () => {
    const [{ bytes = 0, done = 0, from = [] } = {}] = replica.status();
    const served = replica.heldVersions()[tree]?.current;
    const told: Told = { port: http.port, ...(bytes > 0 && { done, from }), ...(served && { current: served }) };
    const line = JSON.stringify(told);
    if (line !== last) writeSync(1, `${line}\n`);
    last = line;
  };
  await replica.start();
  setInterval(tell, LOOK_MS);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serve(JSON.parse(process.argv[2] ?? "{}"));
