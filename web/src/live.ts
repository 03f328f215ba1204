/** What the dashboard knows at this moment, and who is told when it changes. */
import type { Clock } from "../../src/base/clock.ts";
import type { StreamMessage } from "../../src/cli/daemon-stream-parse.ts";
import { type ConnectionState, connect } from "./connection.ts";
import { changeFleet, describeChanges, type Fleet, startFleet } from "./fleet.ts";
import { addSample, type TimedSeries } from "./series.ts";
import type { FleetMessage, HostsMessage, ServerSummary } from "./shapes.ts";

export interface Knowledge {
  /** Absent = not heard of yet. */
  readonly fleet?: Fleet;
  readonly servers: readonly ServerSummary[];
  /** By server; of all together under "". */
  readonly rates: ReadonlyMap<string, TimedSeries>;
  readonly connection: ConnectionState;
}

export interface Live {
  known(): Knowledge;
  /**
   * The server's time. It stands still while the connection is lost: what is told in relation to it then stays what was
   * true when it was heard.
   */
  now(): number;
  /** Returns what ends it. */
  subscribe(listener: () => void): () => void;
  close(): void;
}

export interface LiveOptions {
  readonly open: (signal: AbortSignal) => Promise<Response>;
  readonly clock: Clock;
  /** Text for those who do not see the screen. */
  readonly announce: (text: string) => void;
  /** Milliseconds that taking in one message took. */
  readonly measured: (started: number) => void;
  /** As `performance.now`. */
  readonly stopwatch: () => number;
}

export function startLive({ open, clock, announce, measured, stopwatch }: LiveOptions): Live {
  const listeners = new Set<() => void>();
  let known: Knowledge = { servers: [], rates: new Map(), connection: { kind: "connecting" } };
  /** The server's clock less ours. */
  let ahead = 0;
  let heard = 0;

  function learn(news: Partial<Knowledge>): void {
    known = { ...known, ...news };
    for (const listener of listeners) listener();
  }

  function readTime(now: number): void {
    heard = clock.now();
    ahead = now - heard;
  }

  function takeHosts(message: HostsMessage): void {
    readTime(message.now);
    if (known.fleet === undefined) return;
    const news = describeChanges(known.fleet, message.hosts);
    if (news !== "") announce(news);
    learn({ fleet: changeFleet(known.fleet, message) });
  }

  function takeServers(servers: readonly ServerSummary[]): void {
    heard = clock.now();
    learn({ servers, rates: addRates(known.rates, servers, heard) });
  }

  function onEvent({ event, data }: StreamMessage): void {
    const started = stopwatch();
    const message: unknown = JSON.parse(data);
    if (event === "fleet") {
      const fleet = message as FleetMessage;
      readTime(fleet.now);
      learn({ fleet: startFleet(fleet) });
    }
    if (event === "hosts") takeHosts(message as HostsMessage);
    if (event === "servers") takeServers(message as ServerSummary[]);
    measured(started);
  }

  const close = connect({ open, clock, onEvent, onState: (connection) => learn({ connection }) });
  return {
    known: () => known,
    now: () => ahead + (known.connection.kind === "lost" ? heard : clock.now()),
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close,
  };
}

/** A dead server's rate is not known. */
function addRates(
  rates: ReadonlyMap<string, TimedSeries>,
  servers: readonly ServerSummary[],
  at: number,
): ReadonlyMap<string, TimedSeries> {
  const all = servers.reduce((sum, { alive, rate }) => sum + (alive ? (rate ?? 0) : 0), 0);
  const samples: [string, number | undefined][] = [
    ["", all],
    ...servers.map(({ name, alive, rate }): [string, number | undefined] => [name, alive ? rate : undefined]),
  ];
  return new Map(samples.map(([name, value]) => [name, addSample(rates.get(name), at, value)]));
}
