/** What changed, one line a change: the watch where there is no screen. Pure. */

import type { HostSummary } from "../server/api/shapes.ts";
import { percentText } from "./status-progress.ts";
import { countsText } from "./status-text.ts";
import { clockText, countText } from "./status-units.ts";
import { printable } from "./status-width.ts";
import { countStates } from "./watch-model.ts";
import type { Action } from "./watch-update.ts";

/** Tells what each message of the feed changes; a line each. */
export interface ChangeTeller {
  tell(action: Extract<Action, { kind: "fleet" | "hosts" }>): string[];
}

/** `only`: names of the hosts to tell of; empty = all. `isJson`: each host that changed, as it is now. */
export function createChangeTeller({ only, isJson }: { only: readonly string[]; isJson: boolean }): ChangeTeller {
  let hosts: ReadonlyMap<string, HostSummary> | undefined;
  return {
    tell({ hosts: told, now, kind }) {
      const wanted = told.filter(({ host }) => only.length === 0 || only.includes(host));
      const before = hosts;
      hosts = new Map([
        ...(kind === "fleet" ? [] : (before ?? [])),
        ...wanted.map((host) => [host.host, host] as const),
      ]);
      // A whole fleet as it stands would scroll away: it is one line, as long as nothing was asked for by name.
      if (before === undefined && only.length === 0 && !isJson) return [`${clockText(now)}  ${totalText(wanted)}`];
      return wanted.flatMap((host) => {
        const line = changeText(before?.get(host.host), host, now);
        if (line === undefined) return [];
        return [isJson ? JSON.stringify({ now, ...host }) : line];
      });
    },
  };
}

function totalText(hosts: readonly HostSummary[]): string {
  return `${countText(hosts.length, "host")}: ${countsText(countStates(hosts))}`;
}

/** A line when there is news of a host; progress is news with each tenth. `now` in milliseconds since 1970. */
export function changeText(before: HostSummary | undefined, after: HostSummary, now: number): string | undefined {
  if (before !== undefined && newsOf(before) === newsOf(after)) return undefined;
  return `${clockText(now)}  ${summaryText(after)}`;
}

/** `vm1  installing  packages  ~50 %  from one  waiting for more packages` */
export function summaryText(host: HostSummary): string {
  const { host: name, state, stage, progress, server, awaiting, cause, note } = host;
  const parts = [
    name,
    state,
    ...(stage === undefined ? [] : [stage]),
    ...(progress ? [percentText(progress)] : []),
    ...(server === undefined ? [] : [`from ${server}`]),
    ...(cause ? [`${cause.text} (${cause.evidence}): ${cause.todo}`] : []),
    ...(cause || awaiting === undefined ? [] : [`waiting for ${awaiting}`]),
    ...(cause || note === undefined ? [] : [`note: ${note}`]),
  ];
  return printable(parts.join("  "));
}

function newsOf({ state, stage, progress, server, cause, note }: HostSummary): string {
  const tenth = progress ? Math.floor(progress.fraction * 10) : "";
  return JSON.stringify([state, stage, tenth, server, cause?.id, note]);
}
