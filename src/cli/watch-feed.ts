/** The daemon's stream of its fleet as actions of the watch. */
import type { Clock } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";
import type { HostSummary, ServerSummary } from "../server/api/shapes.ts";
import type { DaemonDoor } from "./daemon-client.ts";
import { followStream, type StreamMessage } from "./daemon-stream.ts";
import type { Action } from "./watch-update.ts";

export interface FeedOptions {
  readonly door: DaemonDoor;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Names of the only hosts that are wanted; empty = all. */
  readonly only: readonly string[];
}

/** The servers are told each second: a daemon without a word for so long cannot be believed to be there. */
const SILENCE_MS = 10_000;

/** Ends when aborted. Rejects with `host-unknown` for a name that the fleet has not, or as the stream does. */
export async function* feedOf({ door, clock, signal, only }: FeedOptions): AsyncGenerator<Action> {
  let isFirst = true;
  for await (const item of followStream({ door, clock, signal, path: "/api/v1/stream", silenceMs: SILENCE_MS })) {
    if (item.kind === "away") yield { kind: "away", at: clock.now(), text: item.text };
    if (item.kind !== "message") continue;
    const action = actionOf(item.message, clock.now());
    if (action?.kind === "fleet" && isFirst) {
      wantHosts(only, action.hosts);
      isFirst = false;
    }
    if (action) yield action;
  }
}

/** Undefined for a message that a newer daemon may send. */
function actionOf({ event, data }: StreamMessage, at: number): Action | undefined {
  switch (event) {
    case "fleet":
      return { kind: "fleet", at, ...(JSON.parse(data) as Fleet) };
    case "hosts":
      return { kind: "hosts", at, ...(JSON.parse(data) as Changes) };
    case "servers":
      return { kind: "servers", servers: JSON.parse(data) as readonly ServerSummary[] };
    default:
      return undefined;
  }
}

interface Fleet {
  readonly now: number;
  readonly site: string;
  readonly server: string;
  readonly hosts: readonly HostSummary[];
}

interface Changes {
  readonly now: number;
  readonly hosts: readonly HostSummary[];
  readonly gone: readonly string[];
}

function wantHosts(only: readonly string[], hosts: readonly HostSummary[]): void {
  const host = only.find((name) => hosts.every((each) => each.host !== name));
  if (host !== undefined) throw new EverbootError("host-unknown", { host, hint: ": see `everboot status`" });
}
