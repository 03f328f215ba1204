/** Trees with versions, and servers that offer them to each other on the loopback interface. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { type Log, silentLog } from "../../src/base/log.ts";
import { buildManifest, writeManifest } from "../../src/content/manifest.ts";
import { createHttpPeer, type TreePeer } from "../../src/content/replica-peer.ts";
import { Throttle } from "../../src/content/replica-throttle.ts";
import { publishVersion, switchCurrent } from "../../src/content/versions-change.ts";
import type { Route } from "../../src/server/http/route.ts";
import { createTreeRoutes } from "../../src/server/trees/routes.ts";
import { startHttp, type TestServer } from "./http-folder.ts";

export const SITE_KEY: Uint8Array = Buffer.alloc(32, 7);
/** The only tree of these servers. */
export const TREE = "debian-12";

export type Files = Readonly<Record<string, Uint8Array | string>>;

/** `await using` removes it. */
export async function temporaryTree(): Promise<{ readonly root: string } & AsyncDisposable> {
  const root = await mkdtemp(join(tmpdir(), "everboot-tree-"));
  return { root, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) };
}

/** Makes these files a version, and the current one. Resolves with its id. */
export async function addVersion(root: string, files: Files): Promise<string> {
  const folder = await mkdtemp(join(root, ".everboot-test-"));
  for (const [path, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  await writeManifest(folder, await buildManifest(folder));
  const id = await publishVersion(root, folder);
  await switchCurrent(root, id);
  return id;
}

/** Keeps the lines above `debug`; `told` is called after each. */
export function keepingLog(lines: string[], told: () => void = () => undefined): Log {
  const keep = (_: object, message: string) => {
    lines.push(message);
    told();
  };
  const log: Log = { debug: () => undefined, info: keep, warn: keep, error: keep, child: () => log };
  return log;
}

export interface OfferingServer extends TestServer {
  /** As `one` sees it. */
  readonly peer: TreePeer;
}

export interface OfferOptions {
  readonly name?: string;
  readonly clock?: Clock;
  readonly log?: Log;
  /** Stands between the request and the route. */
  readonly around?: (route: Route) => Route;
}

/** A server that has `TREE` below `root`, whose peer is the server `one`. */
export async function offerTree(root: string, options: OfferOptions = {}): Promise<OfferingServer> {
  const { name = "two", clock = systemClock, log = silentLog, around = (route) => route } = options;
  const routes = createTreeRoutes({
    ...{ key: SITE_KEY, clock, log },
    isPeer: (server) => server === "one",
    treePath: (tree) => (tree === TREE ? root : undefined),
  });
  const server = await startHttp({ routes: routes.map(around), clock });
  return { ...server, peer: peerAt(name, server.url) };
}

export function peerAt(name: string, url: string, key: Uint8Array = SITE_KEY, self = "one"): TreePeer {
  return createHttpPeer({ name, url, self, key, throttle: new Throttle(systemClock), clock: systemClock });
}
