/**
 * The journal as one list, for pages and for live views. Each event has an id that is the same at each server and after
 * a restart: its time, and a hash of what it says.
 */
import { createHash } from "node:crypto";
import type { JournalEvent } from "../../cluster/events.ts";

export interface IdentifiedEvent extends JournalEvent {
  readonly id: string;
}

export interface EventSource {
  readonly hosts: () => readonly string[];
  /** By time. */
  readonly events: (host: string) => readonly JournalEvent[];
}

export interface EventPage {
  readonly items: readonly IdentifiedEvent[];
  /** Of the last item; absent = there is none. */
  readonly next?: string;
}

export interface EventQuery {
  readonly limit: number;
  /** Id of the event before the first; `0` = from the oldest that is kept; absent = the newest ones. */
  readonly after?: string;
  readonly host?: string;
}

/** Events that came since the start and are kept in the order in which they came. */
const KEPT = 10_000;
/**
 * Milliseconds by which a list that goes on after an event of another life of the daemon begins earlier: what another
 * server wrote may come late. Events that come twice have the same id.
 */
const OVERLAP_MS = 10_000;

export function identify(event: JournalEvent): IdentifiedEvent {
  const { at, host, boot, stage, what, facts } = event;
  const said = JSON.stringify([at, host, boot, stage, what, Object.entries(facts).sort()]);
  const hash = createHash("sha256").update(said).digest("hex").slice(0, 12);
  return { ...event, id: `${String(at).padStart(13, "0")}-${hash}` };
}

/** By time, then by id. */
export function eventPage({ hosts, events }: EventSource, { limit, after, host }: EventQuery): EventPage {
  const names = host === undefined ? hosts() : [host];
  const items = after === undefined ? newest(names, events, limit) : following(names, events, after).slice(0, limit);
  const last = items.at(-1);
  return { items, ...(last && { next: last.id }) };
}

type Events = EventSource["events"];

function newest(names: readonly string[], events: Events, limit: number): IdentifiedEvent[] {
  const all = names.flatMap((name) => events(name).slice(-limit));
  const last = all.sort((a, b) => a.at - b.at).slice(-limit);
  return inOrder(last.map(identify));
}

function following(names: readonly string[], events: Events, after: string): IdentifiedEvent[] {
  const since = timeOf(after);
  const later = names.flatMap((name) => fromTime(events(name), since)).map(identify);
  return inOrder(later.filter(({ id }) => id > after));
}

/** Those of the time `since` or later: found from the end, as most lists go on near it. */
function fromTime(events: readonly JournalEvent[], since: number): readonly JournalEvent[] {
  return events.slice(events.findLastIndex(({ at }) => at < since) + 1);
}

/** What says the same of the same moment is one event. */
function inOrder(events: IdentifiedEvent[]): IdentifiedEvent[] {
  const sorted = events.sort((a, b) => (a.id < b.id ? -1 : 1));
  return sorted.filter(({ id }, place) => id !== sorted[place - 1]?.id);
}

/** 0 for what is no id. */
function timeOf(id: string): number {
  return Number(/^\d+/.exec(id)?.[0] ?? 0);
}

/** A place in the list of events that came: one more than that of the last one that was told. */
export type EventPlace = number;

/** What came since the start, for those who follow. */
export class EventTail {
  private readonly source: EventSource;
  private kept: JournalEvent[] = [];
  /** Made when somebody follows: a rack that is switched on makes events by thousands, and nobody may be looking. */
  private readonly identified = new WeakMap<JournalEvent, IdentifiedEvent>();
  /** Place of the first that is kept. */
  private first: EventPlace = 0;

  constructor(source: EventSource) {
    this.source = source;
  }

  add(event: JournalEvent): void {
    this.kept.push(event);
    if (this.kept.length < 2 * KEPT) return;
    this.first += this.kept.length - KEPT;
    this.kept = this.kept.slice(-KEPT);
  }

  get end(): EventPlace {
    return this.first + this.kept.length;
  }

  /**
   * Where somebody goes on who was told of the event `id` last, and what he missed that is not among what came since the
   * start: then some may come twice.
   */
  resume(id: string): { readonly place: EventPlace; readonly missed: readonly IdentifiedEvent[] } {
    const known = this.kept.findLastIndex((event) => event.at === timeOf(id) && this.identify(event).id === id);
    if (known >= 0) return { place: this.first + known + 1, missed: [] };
    const since = String(Math.max(0, timeOf(id) - OVERLAP_MS)).padStart(13, "0");
    return { place: this.end, missed: following(this.source.hosts(), this.source.events, since) };
  }

  /** At most `count` from the place on; undefined = they are not kept any more. */
  read(place: EventPlace, count: number): readonly IdentifiedEvent[] | undefined {
    if (place < this.first) return undefined;
    return this.kept.slice(place - this.first, place - this.first + count).map((event) => this.identify(event));
  }

  private identify(event: JournalEvent): IdentifiedEvent {
    const known = this.identified.get(event) ?? identify(event);
    this.identified.set(event, known);
    return known;
  }
}
