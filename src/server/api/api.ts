/**
 * The API. Two doors with the same routes: the control socket in the state folder, whose callers are admins, as who may
 * open it may do anything to the daemon; and TCP, for those with a token, where the dashboard is too.
 */
import { chmod, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { type Clock, systemClock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Audit } from "../../cluster/audit.ts";
import type { Tokens } from "../../cluster/tokens.ts";
import type { ApiPlace } from "../../site/model.ts";
import type { Server } from "../server.ts";
import { Access } from "./access.ts";
import { type AppOptions, createApp, type Serve } from "./app.ts";
import { type BesideOptions, besideRoutes, type ServeWeb } from "./beside.ts";
import type { ApiContext, Subscribe } from "./context.ts";
import { FleetFeed } from "./feed.ts";
import { headerOf } from "./headers.ts";
import { GivenAnswers } from "./idempotency.ts";
import { Doorways, type TcpPlace } from "./listen.ts";
import { Live } from "./live.ts";
import type { Operations } from "./operations.ts";
import type { ApiRoute, Caller } from "./route.ts";
import { apiRoutes } from "./routes.ts";

export type {
  ApplyRequest,
  DrainRequest,
  InstallOptions,
  MachineQuery,
  Operations,
  UnknownMachines,
} from "./operations.ts";

/** The door for the network. */
export interface NetworkDoor extends TcpPlace {
  /** Anyone may read `/metrics`. */
  readonly hasOpenMetrics: boolean;
}

/** `own`: the server's own address. */
export function networkDoorOf({ port, listen, metrics }: ApiPlace, own: string): NetworkDoor {
  return { port, addresses: listen ?? [...new Set([own, "127.0.0.1"])], hasOpenMetrics: metrics === "open" };
}

export interface ApiOptions {
  /** Path of the control socket. */
  readonly socket: string;
  /** Asked at each call: another revision of the site file has others. */
  readonly operations: () => Operations;
  readonly log: Log;
  /** Default: that of the system. */
  readonly clock?: Clock;
  /** Absent = there is the control socket alone, and nobody keeps what was changed. */
  readonly access?: { readonly tokens: Tokens; readonly audit: Audit };
  /** Absent = there is the control socket alone. */
  readonly network?: NetworkDoor;
  /** Of the journal; absent = hosts are looked at again and again, and there is no live list of events. */
  readonly subscribe?: Subscribe;
  readonly metrics?: BesideOptions["metrics"];
  /** The dashboard. */
  readonly web?: ServeWeb;
  /** Of Everboot, for the OpenAPI document. */
  readonly version?: string;
}

export interface ApiServer extends Server {
  /** For those who follow what becomes of the hosts (web hooks); it lives as long as the server. */
  readonly feed: FleetFeed;
  /** Where it is to be had by the network, once it listens. */
  urls(): readonly string[];
}

const SOCKET_CALLER: Caller = { name: "control socket", role: "admin", by: "socket" };

export function createApiServer(options: ApiOptions): ApiServer {
  const { socket, log, clock = systemClock, network } = options;
  const context = contextOf(options, clock);
  const { feed, live } = context;
  const routes = apiRoutes(context, options.version ?? "0");
  const doorways = new Doorways({ clock, log });
  const closers: Array<() => Promise<void>> = [];
  const open = async (callerOf: AppOptions["callerOf"]): Promise<Serve> => {
    const app = await createApp(appOptions(options, routes, callerOf));
    closers.push(app.close);
    return app.serve;
  };
  return {
    name: "api",
    feed,
    urls: () => doorways.urls(),
    start: async () => {
      await rm(socket, { force: true });
      await doorways.openSocket(createServer(await open(() => SOCKET_CALLER)), socket);
      await chmod(socket, 0o600);
      const { keys } = context;
      if (!network || !keys) return;
      const serve = await open((request) =>
        keys.access.callerOf({ address: request.ip, header: (name) => headerOf(request, name) }, request.method),
      );
      await doorways.openTcp(() => createServer(serve), network);
    },
    stop: async () => {
      feed.stop();
      live.stop();
      await doorways.close();
      for (const close of closers.splice(0)) await close();
    },
    counters: () => ({ streams: live.streams.count, listening: doorways.listening }),
  };
}

function contextOf({ operations, subscribe, access }: ApiOptions, clock: Clock): ApiContext {
  const heard = subscribe && ((listener: (host: string) => void) => subscribe(({ host }) => listener(host)));
  const feed = new FleetFeed({ source: operations, clock, ...(heard && { heard }) });
  return {
    ...{ operations, feed, given: new GivenAnswers(clock) },
    live: new Live({ operations, feed, clock, ...(subscribe && { subscribe }) }),
    ...(access && { keys: { ...access, access: new Access({ ...access, clock }) } }),
  };
}

function appOptions(options: ApiOptions, routes: readonly ApiRoute[], callerOf: AppOptions["callerOf"]): AppOptions {
  const { log, access, metrics, web, network } = options;
  const beside = besideRoutes({
    ...{ callerOf, hasOpenMetrics: network?.hasOpenMetrics ?? false },
    ...(metrics && { metrics }),
  });
  return { routes, callerOf, log, beside, ...(access && { audit: access.audit }), ...(web && { web }) };
}
