/** How the watch's state moves on: by what the daemon says, by keys, by the terminal's size. Pure. */

import type { HostSummary, ServerSummary } from "../server/api/shapes.ts";
import { hostLines } from "./watch-host.ts";
import type { Key, KeyName } from "./watch-keys.ts";
import { arrange, cursorPlace, type HostDetail, type Size, SORTS, type WatchState, withHosts } from "./watch-model.ts";
import { bodyHeight } from "./watch-screen.ts";

/** `at`: on this computer's clock, milliseconds since 1970. */
export type Action =
  | {
      readonly kind: "fleet";
      readonly at: number;
      readonly now: number;
      readonly site: string;
      readonly server: string;
      readonly hosts: readonly HostSummary[];
    }
  | {
      readonly kind: "hosts";
      readonly at: number;
      readonly now: number;
      readonly hosts: readonly HostSummary[];
      readonly gone: readonly string[];
    }
  | { readonly kind: "servers"; readonly servers: readonly ServerSummary[] }
  | { readonly kind: "away"; readonly at: number; readonly text: string }
  | { readonly kind: "detail"; readonly detail: HostDetail }
  | { readonly kind: "resize"; readonly size: Size }
  | { readonly kind: "key"; readonly key: Key };

export function update(state: WatchState, action: Action): WatchState {
  return keepInSight(move(state, action));
}

function move(state: WatchState, action: Action): WatchState {
  switch (action.kind) {
    case "fleet":
      return withFleet(state, action);
    case "hosts":
      return withChanges(state, action);
    case "servers":
      return { ...state, servers: action.servers };
    case "away":
      // The first break is the time since when what is shown is old.
      return { ...state, link: { state: "away", since: awaySince(state) ?? action.at, text: action.text } };
    case "detail":
      return { ...state, detail: action.detail };
    case "resize":
      return { ...state, size: action.size };
    case "key":
      return pressed(state, action.key);
  }
}

function awaySince({ link }: WatchState): number | undefined {
  return link.state === "away" ? link.since : undefined;
}

function withFleet(state: WatchState, fleet: Extract<Action, { kind: "fleet" }>): WatchState {
  const { at, now, site, server } = fleet;
  const hosts = new Map(wanted(state, fleet.hosts).map((host) => [host.host, host]));
  return withHosts({ ...state, site, server, skew: now - at, link: { state: "live" } }, hosts);
}

function withChanges(state: WatchState, change: Extract<Action, { kind: "hosts" }>): WatchState {
  const hosts = new Map(state.hosts);
  for (const host of wanted(state, change.hosts)) hosts.set(host.host, host);
  for (const name of change.gone) hosts.delete(name);
  return withHosts({ ...state, skew: change.now - change.at }, hosts);
}

function wanted({ only }: WatchState, hosts: readonly HostSummary[]): readonly HostSummary[] {
  return only.length === 0 ? hosts : hosts.filter(({ host }) => only.includes(host));
}

function pressed(state: WatchState, key: Key): WatchState {
  const name = "name" in key ? key.name : undefined;
  if (name === "interrupt") return { ...state, isOver: true };
  if (state.isTyping) return typed(state, key);
  if ("text" in key) return pressedCharacter(state, key.text);
  return state.open === undefined ? pressedInFleet(state, key.name) : pressedInHost(state, key.name);
}

function pressedCharacter(state: WatchState, text: string): WatchState {
  if (text === "q") return { ...state, isOver: true };
  if (state.open !== undefined) return state;
  if (text === "/") return { ...state, isTyping: true };
  if (text !== "s") return state;
  const sort = SORTS[(SORTS.indexOf(state.sort) + 1) % SORTS.length] ?? "trouble";
  return arrange({ ...state, sort });
}

function typed(state: WatchState, key: Key): WatchState {
  if ("text" in key) return arrange({ ...state, filter: state.filter + key.text });
  switch (key.name) {
    case "enter":
      return { ...state, isTyping: false };
    case "escape":
      return arrange({ ...state, isTyping: false, filter: "" });
    case "backspace":
      return arrange({ ...state, filter: [...state.filter].slice(0, -1).join("") });
    // The rows can be gone through while the filter is typed.
    default:
      return pressedInFleet(state, key.name);
  }
}

function pressedInFleet(state: WatchState, name: KeyName): WatchState {
  if (name === "enter" || name === "right") {
    const host = state.shown[cursorPlace(state)]?.host;
    return host === undefined ? state : { ...without(state, "detail"), open: host, scroll: 0 };
  }
  if (name === "escape") return arrange({ ...state, filter: "" });
  const by = stepOf(name, bodyHeight(state), state.shown.length);
  return by === 0 ? state : select(state, cursorPlace(state) + by);
}

function pressedInHost(state: WatchState, name: KeyName): WatchState {
  if (name === "escape" || name === "left" || name === "backspace") return without(without(state, "open"), "detail");
  // Their number alone is wanted: at what time is the same.
  const count = hostLines(state, 0).length;
  const height = bodyHeight(state);
  const scroll = state.scroll + stepOf(name, height, count);
  return { ...state, scroll: Math.max(0, Math.min(scroll, count - height)) };
}

function without<K extends "detail" | "open" | "selected">(state: WatchState, name: K): Omit<WatchState, K> {
  const { [name]: _, ...rest } = state;
  return rest;
}

/** Rows that a key moves by; a screen less one for a page, so that one row is seen twice. */
function stepOf(name: KeyName, height: number, count: number): number {
  const page = Math.max(1, height - 1);
  const steps: Readonly<Partial<Record<KeyName, number>>> = {
    ...{ up: -1, down: 1, "page-up": -page, "page-down": page, home: -count, end: count },
  };
  return steps[name] ?? 0;
}

/** The first row is no host's: who goes there stays at the top, whatever comes to be there. */
function select(state: WatchState, place: number): WatchState {
  const host = place <= 0 ? undefined : state.shown[Math.min(place, state.shown.length - 1)]?.host;
  return host === undefined ? without(state, "selected") : { ...state, selected: host };
}

/** The cursor's row is on the screen, and no room is left empty below the last one. */
function keepInSight(state: WatchState): WatchState {
  const place = cursorPlace(state);
  const height = bodyHeight(state);
  const top = Math.min(Math.max(state.top, place - height + 1), place);
  return { ...state, top: Math.max(0, Math.min(top, state.shown.length - height)) };
}
