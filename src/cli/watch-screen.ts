/** The watch's screen: its state in, lines out, never wider or more than the terminal has. Pure. */
import { BOLD, DIM, RED, REVERSE } from "./status-color.ts";
import { countsText } from "./status-text.ts";
import { clockText, countText, durationText } from "./status-units.ts";
import { printable } from "./status-width.ts";
import { fleetTable, serverLines } from "./watch-fleet.ts";
import { hostLines } from "./watch-host.ts";
import { cutLine, type Line, plain, styled } from "./watch-line.ts";
import type { WatchState } from "./watch-model.ts";

/** `now` on this computer's clock, milliseconds since 1970. */
export function screenLines(state: WatchState, now: number): readonly Line[] {
  const { rows, columns } = state.size;
  const above = linesAbove(state, now);
  const below = hasFooter(state) ? [footerLine(state)] : [];
  const height = bodyHeight(state);
  const body = state.open === undefined ? fleetBody(state, now, height) : hostBody(state, now, height);
  const free = rows - above.length - body.length - below.length;
  const lines = [...above, ...body, ...blanks(free), ...below];
  return lines.slice(0, rows).map((line) => cutLine(line, columns));
}

/** Rows of hosts that there is room for, or lines of a host's own view. At least 1. */
export function bodyHeight(state: WatchState): number {
  const around = linesAbove(state, 0).length + (hasFooter(state) ? 1 : 0);
  const head = state.open === undefined && hasHead(state) ? 1 : 0;
  return Math.max(1, state.size.rows - around - head);
}

/** On a low terminal the hosts come before all else. */
const LOWEST = { footer: 3, title: 4, head: 6, counts: 10, servers: 14, moreServers: 24 } as const;

function hasHead({ size }: WatchState): boolean {
  return size.rows >= LOWEST.head;
}

function hasFooter({ size }: WatchState): boolean {
  return size.rows >= LOWEST.footer;
}

function linesAbove(state: WatchState, now: number): readonly Line[] {
  const { rows } = state.size;
  const isFleet = state.open === undefined;
  const most = rows < LOWEST.servers || !isFleet ? 0 : rows < LOWEST.moreServers ? 1 : 3;
  // That nothing here is of now must be seen on any terminal of two lines.
  const hasTitle = rows >= LOWEST.title || (state.link.state !== "live" && rows >= 2);
  return [
    ...(hasTitle ? [titleLine(state, now)] : []),
    ...(rows >= LOWEST.counts && isFleet ? [countsLine(state)] : []),
    ...(most > 0 ? serverLines(state, lookAt(state, now), most) : []),
  ];
}

function lookAt(state: WatchState, now: number) {
  return { now: now + state.skew, isLive: state.link.state === "live" };
}

function titleLine({ link, site, server, skew }: WatchState, now: number): Line {
  if (link.state === "connecting") return plain("everboot: asking the daemon ...");
  if (link.state === "live") return styled(printable(`site ${site}, from ${server}, ${clockText(now + skew)}`), BOLD);
  const age = durationText(now - link.since);
  return [
    { text: ` NO DAEMON for ${age} `, style: REVERSE },
    { text: printable(` what is shown is older; trying again: ${link.text}`), style: RED },
  ];
}

function countsLine({ hosts, counts, shown }: WatchState): Line {
  const all = `${countText(hosts.size, "host")}: ${countsText(counts)}`;
  return plain(shown.length === hosts.size ? all : `${shown.length} of ${all}`);
}

function footerLine(state: WatchState): Line {
  const { isTyping, filter, sort, open, shown, top } = state;
  if (isTyping) return [{ text: `filter: ${filter}_`, style: BOLD }, { text: "  enter keeps it, esc clears it" }];
  if (open !== undefined) return styled("esc back  arrows scroll  q quit", DIM);
  const last = Math.min(shown.length, top + bodyHeight(state));
  const place = shown.length === 0 ? "none" : `${top + 1}-${last} of ${shown.length}`;
  const filtered = filter === "" ? "" : `  filter: ${filter}`;
  return styled(`${place}  sort: ${sort}${filtered}  q quit  / filter  s sort  enter one host`, DIM);
}

function fleetBody(state: WatchState, now: number, height: number): readonly Line[] {
  const { head, rows } = fleetTable(state, lookAt(state, now), height);
  const none = state.link.state === "connecting" || state.shown.length > 0 ? [] : [plain(noneText(state))];
  return [...(hasHead(state) ? [head] : []), ...rows, ...none];
}

function noneText({ hosts, filter }: WatchState): string {
  return hosts.size === 0 ? "no hosts" : `no host matches "${filter}"`;
}

function hostBody(state: WatchState, now: number, height: number): readonly Line[] {
  const lines = hostLines(state, now + state.skew);
  const first = Math.max(0, Math.min(state.scroll, lines.length - height));
  return lines.slice(first, first + height);
}

function blanks(count: number): Line[] {
  return Array.from({ length: Math.max(0, count) }, () => plain(""));
}
