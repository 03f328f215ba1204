/** `everboot watch`: the fleet live, on the whole terminal; a line for each change where there is none. */
import process from "node:process";
import { type Clock, systemClock } from "../base/clock.ts";
import type { HostStatus } from "../cluster/status.ts";
import type { Command, Io } from "./command.ts";
import { askDaemon, type DaemonDoor } from "./daemon-client.ts";
import { doorOf } from "./daemon-door.ts";
import { parseOptions } from "./options.ts";
import { hostPath, STATE_OPTION, STATE_USAGE } from "./state-option.ts";
import { wantsColor } from "./status-color.ts";
import { createChangeTeller } from "./watch-changes.ts";
import { feedOf } from "./watch-feed.ts";
import type { HostDetail } from "./watch-model.ts";
import { type Session, startSession } from "./watch-session.ts";
import { openTerminal, type TerminalEnds } from "./watch-terminal.ts";
import type { Action } from "./watch-update.ts";

const USAGE = `everboot watch [HOST...] [--state DIR] [--json]
  The fleet, or some hosts, live: stages, progress, rates, and what is wrong. Keys: arrows and pages move, enter opens
  one host, / filters, s changes the order, q ends. Where the output is no terminal: one line for each change.
${STATE_USAGE.replace("print the answer as JSON", "each changed host as one line of JSON, and no screen")}`;

const LOG_LINES = 200;

export function createWatchCommand(ends: TerminalEnds, clock: Clock): Command {
  return {
    name: "watch",
    summary: "the fleet live, with progress bars",
    usage: USAGE,
    run: async (args, io) => {
      const { values, positionals } = parseOptions(args, STATE_OPTION);
      const door = doorOf(io, values.state);
      const hasScreen = io.terminal && values.json !== true && io.env.TERM !== "dumb";
      const watch = { door, clock, only: positionals };
      await (hasScreen ? onScreen(watch, io, ends) : inLines(watch, io, values.json === true));
      return 0;
    },
  };
}

export const watchCommand = createWatchCommand({ input: process.stdin, output: process.stdout }, systemClock);

interface Watch {
  readonly door: DaemonDoor;
  readonly clock: Clock;
  readonly only: readonly string[];
}

async function onScreen({ door, clock, only }: Watch, io: Io, ends: TerminalEnds): Promise<void> {
  const session = startSession({
    ...{ clock, only, color: wantsColor(io) },
    openTerminal: (events) => openTerminal(ends, clock, events),
    askDetail: (host) => askDetail(door, host),
  });
  const stop = new AbortController();
  const signal = AbortSignal.any([io.signal, stop.signal]);
  try {
    await Promise.race([session.over, feedSession(session, feedOf({ door, clock, only, signal }))]);
  } finally {
    session.close();
    stop.abort();
  }
}

async function feedSession(session: Session, feed: AsyncIterable<Action>): Promise<void> {
  for await (const action of feed) session.act(action);
}

async function askDetail(door: DaemonDoor, host: string): Promise<HostDetail> {
  const [status, log] = await Promise.all([
    askDaemon(door, "GET", hostPath(host)) as Promise<HostStatus>,
    askDaemon(door, "GET", hostPath(host, `/log?lines=${LOG_LINES}`)) as Promise<{
      readonly items: readonly string[];
    }>,
  ]);
  return { status, log: log.items };
}

async function inLines({ door, clock, only }: Watch, io: Io, isJson: boolean): Promise<void> {
  const teller = createChangeTeller({ only, isJson });
  let isAway = false;
  for await (const action of feedOf({ door, clock, only, signal: io.signal })) {
    if (action.kind === "away") {
      if (!isAway) io.err(`everboot: ${action.text}: trying again`);
      isAway = true;
    } else if (action.kind === "fleet" || action.kind === "hosts") {
      isAway = false;
      for (const line of teller.tell(action)) io.out(line);
    }
  }
}
