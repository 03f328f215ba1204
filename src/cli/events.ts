/** `everboot events`: the journal in words, as it is and as it goes on. */
import { type Clock, systemClock } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";
import type { Command, Io } from "./command.ts";
import type { DaemonDoor } from "./daemon-client.ts";
import { doorOf, type Get, getFrom } from "./daemon-door.ts";
import { followStream } from "./daemon-stream.ts";
import { eventsSince, firstIdAt, type KnownEvent, newestEvents, PAGE } from "./events-pages.ts";
import { parseSince } from "./events-since.ts";
import { eventText } from "./events-text.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { STATE_OPTION, STATE_USAGE } from "./state-option.ts";
import { wantsColor } from "./status-color.ts";

const USAGE = `everboot events [HOST] [-f] [-n COUNT | --since T] [--state DIR] [--json]
  What happened to the fleet or to one host, one line each.
  -f, --follow  goes on with each event that comes, until Ctrl-C; after the daemon restarts none is lost or told twice
  -n COUNT      how many of the newest (default 40, with --follow 10)
  --since T     all from then on: 10m, 2h, 3d (ago), 12:03, 2026-11-19T12:03
${STATE_USAGE.replace("print the answer as JSON", "each event as one line of JSON")}`;

const OPTIONS = {
  ...STATE_OPTION,
  follow: { type: "boolean", short: "f" },
  count: { type: "string", short: "n" },
  since: { type: "string" },
} as const;

const DEFAULT_COUNT = 40;
const DEFAULT_BEFORE_FOLLOWING = 10;
/** The daemon sends a heartbeat each 15 s. */
const SILENCE_MS = 45_000;
/** Ids that are remembered: more than the daemon sends again after a restart (its last 10 s). */
const REMEMBERED = 50_000;

export function createEventsCommand(clock: Clock): Command {
  return {
    name: "events",
    summary: "what happened, in words, as it comes with -f",
    usage: USAGE,
    run: async (args, io) => {
      const { values, positionals } = parseOptions(args, OPTIONS);
      const [host] = wantPositionals(positionals, 0, 1, USAGE);
      const isFollowing = values.follow === true;
      const period = periodOf(values, clock.now());
      const door = doorOf(io, values.state);
      const teller = createTeller(io, clock, values.json === true);
      await tellKept(getFrom(door), host, period, isFollowing, teller);
      if (isFollowing) await follow(io, door, host, clock, teller);
      return 0;
    },
  };
}

export const eventsCommand = createEventsCommand(systemClock);

interface Period {
  /** Milliseconds since 1970. */
  readonly since?: number;
  readonly count?: number;
}

function periodOf({ since, count }: { readonly since?: string; readonly count?: string }, now: number): Period {
  if (since !== undefined && count !== undefined)
    throw new EverbootError("usage", { what: "say -n or --since, not both" });
  if (since !== undefined) return { since: parseSince(since, now) };
  if (count === undefined) return {};
  const number = /^\d{1,6}$/.test(count) ? Number(count) : Number.NaN;
  if (number >= 1 && number <= PAGE) return { count: number };
  throw new EverbootError("usage", { what: `-n ${count}: say how many events, 1 to ${PAGE}` });
}

interface Teller {
  /** Prints an event that was not told yet. */
  tell(event: KnownEvent): void;
  /** Takes it as told. */
  skip(event: KnownEvent): void;
  /** Of the newest; absent = none was. */
  newestId(): string | undefined;
}

function createTeller(io: Io, clock: Clock, isJson: boolean): Teller {
  const told = new Set<string>();
  const color = wantsColor(io);
  let nameWidth = 0;
  let newest: string | undefined;

  function skip({ id }: KnownEvent): boolean {
    if (told.has(id)) return false;
    told.add(id);
    const [oldest] = told;
    if (told.size > REMEMBERED && oldest !== undefined) told.delete(oldest);
    if (newest === undefined || id > newest) newest = id;
    return true;
  }

  return {
    skip: (event) => void skip(event),
    tell(event) {
      if (!skip(event)) return;
      nameWidth = Math.max(nameWidth, event.host.length);
      io.out(isJson ? JSON.stringify(event) : eventText(event, { now: clock.now(), color, nameWidth }));
    },
    newestId: () => newest,
  };
}

async function tellKept(
  get: Get,
  host: string | undefined,
  { since, count }: Period,
  isFollowing: boolean,
  teller: Teller,
): Promise<void> {
  if (since !== undefined) {
    for await (const event of eventsSince(get, host, since)) teller.tell(event);
    return;
  }
  const shown = count ?? (isFollowing ? DEFAULT_BEFORE_FOLLOWING : DEFAULT_COUNT);
  // Of those before them the daemon may send some again.
  const events = await newestEvents(get, host, isFollowing ? PAGE : shown);
  for (const event of events.slice(0, -shown)) teller.skip(event);
  for (const event of events.slice(-shown)) teller.tell(event);
}

async function follow(io: Io, door: DaemonDoor, host: string | undefined, clock: Clock, teller: Teller): Promise<void> {
  const path = `/api/v1/events/stream${host === undefined ? "" : `?${new URLSearchParams({ host })}`}`;
  const lastId = teller.newestId() ?? firstIdAt(0);
  let isAway = false;
  for await (const item of followStream({
    ...{ door, path, clock, lastId },
    signal: io.signal,
    silenceMs: SILENCE_MS,
  })) {
    if (item.kind === "away" && !isAway) io.err(`everboot: ${item.text}: trying again`);
    isAway = item.kind === "away";
    if (item.kind === "message" && item.message.event === "event")
      teller.tell(JSON.parse(item.message.data) as KnownEvent);
  }
}
