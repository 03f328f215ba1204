/** The fleet as the stream tells it. Pure: a message and the fleet before it in, the fleet after it out. */
import type { HostState } from "../../src/cluster/status.ts";
import type { FleetMessage, HostSummary, HostsMessage } from "./shapes.ts";
import { STATES_IN_ORDER } from "./state-look.ts";

export interface Fleet {
  readonly site: string;
  /** The server that tells it. */
  readonly server: string;
  readonly hosts: ReadonlyMap<string, HostSummary>;
  /** In the order of `compareNames`. */
  readonly names: readonly string[];
}

const collator = new Intl.Collator("en", { numeric: true });

/** `node-9` comes before `node-10`; of `node-1` and `node-01` always the same one comes first. */
export function compareNames(a: string, b: string): number {
  return collator.compare(a, b) || Number(a > b) - Number(a < b);
}

export function startFleet({ site, server, hosts }: FleetMessage): Fleet {
  const byName = new Map(hosts.map((host) => [host.host, host]));
  return { site, server, hosts: byName, names: [...byName.keys()].sort(compareNames) };
}

export function changeFleet(fleet: Fleet, { hosts, gone }: Pick<HostsMessage, "hosts" | "gone">): Fleet {
  const byName = new Map(fleet.hosts);
  for (const name of gone) byName.delete(name);
  for (const host of hosts) byName.set(host.host, host);
  const isSame = gone.length === 0 && byName.size === fleet.hosts.size;
  return { ...fleet, hosts: byName, names: isSame ? fleet.names : [...byName.keys()].sort(compareNames) };
}

export type StateCounts = Readonly<Record<HostState, number>>;

export function countStates(hosts: Iterable<HostSummary>): StateCounts {
  const counts = Object.fromEntries(STATES_IN_ORDER.map((state) => [state, 0])) as Record<HostState, number>;
  for (const { state } of hosts) counts[state] += 1;
  return counts;
}

/** Machines that stand for the same reason. */
export interface Trouble {
  /** `Cause.id`, or the state where no cause is known. */
  readonly id: string;
  readonly text: string;
  readonly todo?: string;
  /** By name. */
  readonly hosts: readonly HostSummary[];
}

/** Causes by how many machines they hold up, the most first. Machines in `expired` wait for nobody: they come last. */
export function findTroubles(hosts: readonly HostSummary[]): readonly Trouble[] {
  const groups = new Map<string, HostSummary[]>();
  for (const host of hosts) {
    if (!TROUBLES.has(host.state)) continue;
    const id = host.cause?.id ?? host.state;
    const group = groups.get(id);
    if (group) group.push(host);
    else groups.set(id, [host]);
  }
  return [...groups].map(([id, held]) => troubleOf(id, held)).sort(compareTroubles);
}

const TROUBLES: ReadonlySet<HostState> = new Set(["failed", "stalled", "differs", "expired"]);

function troubleOf(id: string, hosts: readonly HostSummary[]): Trouble {
  const cause = hosts.find((host) => host.cause !== undefined)?.cause;
  return cause ? { id, text: cause.text, todo: cause.todo, hosts } : { id, text: `${id}, cause not known`, hosts };
}

function compareTroubles(a: Trouble, b: Trouble): number {
  const [lateA, lateB] = [a, b].map(({ hosts }) => hosts.every(({ state }) => state === "expired"));
  return Number(lateA) - Number(lateB) || b.hosts.length - a.hosts.length || compareNames(a.id, b.id);
}

/**
 * What a reader who does not see the screen is told of a change: machines that came into trouble or were verified, by
 * name up to three of a state, else by number. Empty = nothing.
 */
export function describeChanges(before: Fleet, changed: readonly HostSummary[]): string {
  const byState = new Map<HostState, string[]>();
  for (const { host, state } of changed) {
    const earlier = before.hosts.get(host)?.state;
    if (earlier === state || !(TROUBLES.has(state) || state === "verified")) continue;
    byState.set(state, [...(byState.get(state) ?? []), host]);
  }
  return STATES_IN_ORDER.flatMap((state) => {
    const names = byState.get(state) ?? [];
    if (names.length === 0) return [];
    return [names.length > 3 ? `${names.length} machines ${state}` : `${names.join(", ")} ${state}`];
  }).join("; ");
}
