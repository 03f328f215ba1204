/** One boot over its stages and servers, as bars on one scale of time. Pure. */
import { type JournalEvent, STAGES, type Stage } from "../../src/cluster/events.ts";
import type { BootTrace, HostState, StageTrace } from "../../src/cluster/status.ts";

/** A stretch of a stage in which one server served; `undefined` = nobody, or not known. As shares of the scale, 0 to 1. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly server: string | undefined;
}

export interface TimelineRow {
  readonly stage: Stage;
  /** Absent = not reached. */
  readonly trace?: StageTrace;
  readonly spans: readonly Span[];
  /** Milliseconds that it took, until now when it is not over. */
  readonly took?: number;
  /** Servers that served in it, in the order of their first file. */
  readonly servers: readonly string[];
  readonly isCurrent: boolean;
}

export interface Timeline {
  readonly rows: readonly TimelineRow[];
  /** In the order in which they came in. */
  readonly servers: readonly string[];
  /** Milliseconds. */
  readonly length: number;
}

export interface TimelineInput {
  readonly boot: BootTrace;
  /** Of this host; those of other boots are left out. */
  readonly events: readonly JournalEvent[];
  /** Of the newest boot; absent for an earlier one, which is over. */
  readonly state?: HostState;
  /** Events before this time are not there; absent = all are. */
  readonly eventsSince?: number;
  readonly now: number;
}

/** Bars thinner than this share would not be seen. */
const LEAST_SHARE = 0.004;
const RUNNING: ReadonlySet<HostState> = new Set(["booting", "installing", "stalled", "installed"]);

export function buildTimeline({ boot, events, eventsSince = 0, state, now }: TimelineInput): Timeline {
  const newest = boot.stages.at(-1);
  const isRunning = state !== undefined && RUNNING.has(state);
  const end = isRunning ? now : Math.max(boot.started, ...boot.stages.map(({ last }) => last));
  const length = Math.max(1000, end - boot.started);
  const share = (at: number) => Math.min(1, Math.max(0, (at - boot.started) / length));
  const served = events
    .filter((event) => event.boot === boot.number && event.what === "served" && event.facts.server !== undefined)
    .toSorted((a, b) => a.at - b.at);
  const rows = STAGES.map((stage) => {
    const trace = boot.stages.find((each) => each.stage === stage);
    if (trace === undefined) return { stage, spans: [], servers: [], isCurrent: false };
    const isCurrent = isRunning && trace === newest;
    const until = isCurrent ? now : (trace.ended ?? trace.last);
    const marks = served
      .filter((event) => event.stage === stage)
      .map(({ at, facts }) => ({ at, server: String(facts.server) }));
    const spans = spansOf(trace, marks, until, eventsSince).map((span) =>
      widen({ ...span, from: share(span.from), to: share(span.to) }),
    );
    return { stage, trace, spans, took: until - trace.first, servers: serversOf(spans), isCurrent };
  });
  return { rows, servers: [...new Set(rows.flatMap(({ servers }) => servers))], length };
}

interface Mark {
  readonly at: number;
  readonly server: string;
}

/** A server's stretch goes on until another one serves, as the machine holds on to the server that it has. */
function spansOf({ first, server }: StageTrace, marks: readonly Mark[], until: number, since: number): Span[] {
  const changes = marks.filter((mark, place) => mark.server !== marks[place - 1]?.server);
  if (changes.length === 0) return [{ from: first, to: until, server }];
  const [earliest] = changes;
  const isCut = first < since;
  const spans = changes.map((change, place) => ({
    from: place === 0 && !isCut ? first : change.at,
    to: Math.max(changes[place + 1]?.at ?? until, change.at),
    server: change.server,
  }));
  // Who served before is not known any more.
  return isCut && earliest ? [{ from: first, to: earliest.at, server: undefined }, ...spans] : spans;
}

function widen(span: Span): Span {
  const from = Math.min(span.from, 1 - LEAST_SHARE);
  return { ...span, from, to: Math.max(span.to, from + LEAST_SHARE) };
}

function serversOf(spans: readonly Span[]): string[] {
  return [...new Set(spans.flatMap(({ server }) => (server === undefined ? [] : [server])))];
}
