/** Which machines are shown, and in which order. Pure. */
import type { HostState } from "../../src/cluster/status.ts";
import { compareNames, type Fleet } from "./fleet.ts";
import type { HostSummary } from "./shapes.ts";
import { STATES_IN_ORDER } from "./state-look.ts";

export interface Filter {
  /** Words that must all be in what is known of the machine; upper and lower case are the same. */
  readonly text: string;
  /** Empty = all. */
  readonly states: readonly HostState[];
}

export const NO_FILTER: Filter = { text: "", states: [] };

export const SORT_KEYS = ["host", "state", "stage", "progress", "server", "rate", "since"] as const;
export type SortKey = (typeof SORT_KEYS)[number];

export interface Order {
  readonly key: SortKey;
  readonly descending: boolean;
}

export function filterFleet({ names, hosts }: Pick<Fleet, "names" | "hosts">, filter: Filter): HostSummary[] {
  const words = filter.text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  const states = new Set(filter.states);
  return names.flatMap((name) => {
    const host = hosts.get(name);
    if (host === undefined || (states.size > 0 && !states.has(host.state))) return [];
    return words.every((word) => textOf(host).includes(word)) ? [host] : [];
  });
}

function textOf({ host, profile, state, stage, server, cause, note }: HostSummary): string {
  return [host, profile, state, stage, server, cause?.id, cause?.text, note].join(" ").toLowerCase();
}

/** Equal ones stay in the order they came in; what has no value comes last either way. */
export function sortHosts(hosts: readonly HostSummary[], { key, descending }: Order): HostSummary[] {
  const value = SORT_VALUES[key];
  return hosts.toSorted((a, b) => {
    const [left, right] = [value(a), value(b)];
    if (left === undefined || right === undefined) return Number(left === undefined) - Number(right === undefined);
    const order = compareValues(left, right);
    return descending ? -order : order;
  });
}

const SORT_VALUES: Readonly<Record<SortKey, (host: HostSummary) => string | number | undefined>> = {
  host: ({ host }) => host,
  state: ({ state }) => STATES_IN_ORDER.indexOf(state),
  stage: ({ stage }) => stage,
  progress: ({ progress }) => progress?.fraction,
  server: ({ server }) => server,
  rate: ({ rate }) => rate,
  since: ({ since }) => since,
};

function compareValues(a: string | number, b: string | number): number {
  return typeof a === "number" && typeof b === "number" ? a - b : compareNames(String(a), String(b));
}

/** As in an address: `?q=rack-3&state=failed,stalled`; empty for NO_FILTER. */
export function filterQuery({ text, states }: Filter): string {
  const query = new URLSearchParams({
    ...(text !== "" && { q: text }),
    ...(states.length > 0 && { state: states.join(",") }),
  }).toString();
  return query === "" ? "" : `?${query}`;
}

/** States that there are not are left out. */
export function readFilter(query: string): Filter {
  const values = new URLSearchParams(query);
  const states = (values.get("state") ?? "").split(",");
  return { text: values.get("q") ?? "", states: STATES_IN_ORDER.filter((state) => states.includes(state)) };
}
