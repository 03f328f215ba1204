/** Who served what to a host's boot. Pure: a fold over its events. */
import type { JournalEvent, Stage } from "../cluster/events.ts";
import type { BootTrace } from "../cluster/status.ts";

/** What one server sent in one stage. */
export interface ServedBy {
  readonly server: string;
  readonly bytes: number;
  /** Bytes a second while it sent, over all its transfers; absent = not known. */
  readonly rate?: number;
}

interface Sum {
  bytes: number;
  /** Seconds of sending, and the bytes that they are known of. */
  seconds: number;
  timed: number;
}

/** Per stage, most bytes first. Events of other boots, and of the restart after an install, do not count. */
export function serversOfStages(boot: BootTrace, events: readonly JournalEvent[]): Map<Stage, readonly ServedBy[]> {
  const sums = new Map<Stage, Map<string, Sum>>();
  for (const { stage, first, last } of boot.stages) {
    const served = events.filter((event) => {
      return event.stage === stage && event.boot === boot.number && first <= event.at && event.at <= last;
    });
    for (const event of served) addTransfer(sums, event);
  }
  return new Map([...sums].map(([stage, servers]) => [stage, shares(servers)]));
}

function addTransfer(sums: Map<Stage, Map<string, Sum>>, { stage, what, facts }: JournalEvent): void {
  const { server, bytes, rate } = facts;
  if (what !== "served" || typeof server !== "string") return;
  const servers = sums.get(stage) ?? new Map<string, Sum>();
  sums.set(stage, servers);
  const sum = servers.get(server) ?? { bytes: 0, seconds: 0, timed: 0 };
  servers.set(server, sum);
  if (typeof bytes !== "number") return;
  sum.bytes += bytes;
  if (typeof rate !== "number" || rate <= 0) return;
  sum.seconds += bytes / rate;
  sum.timed += bytes;
}

function shares(servers: ReadonlyMap<string, Sum>): ServedBy[] {
  return [...servers]
    .map(([server, { bytes, seconds, timed }]) => ({
      server,
      bytes,
      ...(seconds > 0 && { rate: timed / seconds }),
    }))
    .sort((one, other) => other.bytes - one.bytes);
}
