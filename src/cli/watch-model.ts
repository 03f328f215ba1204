/** What the watch shows: the fleet as the daemon tells it, and what the operator has asked to see of it. Pure. */
import { HOST_STATES, type HostState, type HostStatus } from "../cluster/status.ts";
import type { HostSummary, ServerSummary } from "../server/api/shapes.ts";
import { TROUBLED } from "./status-color.ts";

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** How we stand with the daemon. Times in milliseconds since 1970 on this computer's clock. */
export type Link =
  | { readonly state: "connecting" }
  | { readonly state: "live" }
  | { readonly state: "away"; readonly since: number; readonly text: string };

export const SORTS = ["trouble", "name", "progress", "newest", "rate"] as const;
/** `trouble`: those that need somebody first, then those at work; `newest`: whose stage began last. */
export type Sort = (typeof SORTS)[number];

/** One host, as its own view shows it. */
export interface HostDetail {
  readonly status: HostStatus;
  /** Last lines of its installer's log, oldest first. */
  readonly log: readonly string[];
}

export interface WatchState {
  readonly size: Size;
  readonly link: Link;
  /** The daemon's clock less ours, in milliseconds. */
  readonly skew: number;
  readonly site: string;
  /** That the stream comes from. */
  readonly server: string;
  readonly hosts: ReadonlyMap<string, HostSummary>;
  readonly servers: readonly ServerSummary[];
  /** Names of the only hosts to show; empty = all. */
  readonly only: readonly string[];
  readonly filter: string;
  /** The filter is being typed. */
  readonly isTyping: boolean;
  readonly sort: Sort;
  /** Told from the above: the hosts in the order of their rows, and what a row's or head's width and counts are told from. */
  readonly shown: readonly HostSummary[];
  readonly counts: Readonly<Record<HostState, number>>;
  readonly nameWidth: number;
  /** Place of each name among all, sorted. */
  readonly ranks: ReadonlyMap<string, number>;
  /** Name of the host that the cursor is on; absent = it is on the first row, whichever host that is. */
  readonly selected?: string;
  /** Place in `shown` of the first row on the screen. */
  readonly top: number;
  /** Name of the host whose own view is open. */
  readonly open?: string;
  readonly detail?: HostDetail;
  /** First line of the view on the screen. */
  readonly scroll: number;
  readonly isOver: boolean;
}

export function newWatch(size: Size, only: readonly string[]): WatchState {
  return {
    ...{ size, only, link: { state: "connecting" }, skew: 0, site: "", server: "" },
    ...{ hosts: new Map(), servers: [], filter: "", isTyping: false, sort: "trouble", shown: [] },
    ...{ counts: countStates([]), nameWidth: 0, ranks: new Map(), top: 0, scroll: 0, isOver: false },
  };
}

/** The state with other hosts, and everything that is told from them. */
export function withHosts(state: WatchState, hosts: ReadonlyMap<string, HostSummary>): WatchState {
  const isSameSet = hosts.size === state.hosts.size && [...hosts.keys()].every((name) => state.hosts.has(name));
  const names = isSameSet ? undefined : [...hosts.keys()].sort(NATURAL.compare);
  return arrange({
    ...state,
    hosts,
    counts: countStates([...hosts.values()]),
    ...(names && {
      ranks: new Map(names.map((name, rank) => [name, rank])),
      nameWidth: names.reduce((widest, name) => Math.max(widest, name.length), 0),
    }),
  });
}

/** Of names: `vm2` before `vm10`. */
const NATURAL = new Intl.Collator("en", { numeric: true });

/** The state with its rows in order again, after a change of hosts, filter or order. */
export function arrange(state: WatchState): WatchState {
  const words = state.filter.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = [...state.hosts.values()].filter((host) => matches(host, words));
  const compare = COMPARE[state.sort];
  const rank = ({ host }: HostSummary) => state.ranks.get(host) ?? 0;
  return { ...state, shown: shown.sort((one, other) => compare(one, other) || rank(one) - rank(other)) };
}

/** Place in `shown` that the cursor is on: the first when its host is not shown. */
export function cursorPlace({ shown, selected }: WatchState): number {
  if (selected === undefined) return 0;
  return Math.max(
    0,
    shown.findIndex(({ host }) => host === selected),
  );
}

/** Every word is somewhere in what is known of the host. */
function matches(host: HostSummary, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const { host: name, profile, state, stage, server, awaiting, note, cause } = host;
  const text = [name, profile, state, stage, server, awaiting, note, cause?.text].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

const URGENCY: Readonly<Record<HostState, number>> = Object.fromEntries(
  [
    ...TROUBLED,
    ...(["installing", "booting", "installed", "permitted", "verified", "local", "idle"] satisfies HostState[]),
  ].map((state, place) => [state, place]),
) as Record<HostState, number>;

const COMPARE: Readonly<Record<Sort, (one: HostSummary, other: HostSummary) => number>> = {
  trouble: (one, other) => URGENCY[one.state] - URGENCY[other.state],
  name: () => 0,
  progress: (one, other) => (other.progress?.fraction ?? -1) - (one.progress?.fraction ?? -1),
  newest: (one, other) => (other.since ?? 0) - (one.since ?? 0),
  rate: (one, other) => (other.rate ?? -1) - (one.rate ?? -1),
};

export function countStates(hosts: readonly HostSummary[]): Record<HostState, number> {
  const counts = Object.fromEntries(HOST_STATES.map((state) => [state, 0])) as Record<HostState, number>;
  for (const { state } of hosts) counts[state] += 1;
  return counts;
}
