/**
 * The journal: what happened to each host, kept in the store, with a copy in memory from which status is served.
 * Each event is a key of its own, `journal/<host>/<time>-<count>-<server>`, so that the journals of several servers
 * can be laid together and an event that is written twice is still one.
 */
import type { Clock } from "../base/clock.ts";
import type { Change, Deleted, Entry, Store } from "../store/store.ts";
import { type BootTracker, NO_BOOT, trackBoot } from "./boots.ts";
import type { JournalEvent, NewEvent } from "./events.ts";
import { type Following, followStore } from "./follow-store.ts";

export interface Journal {
  /** Durable when it resolves. Rejects with `store-unavailable`: the event is then not seen, and not tried again. */
  append(event: NewEvent): Promise<void>;
  /** Seen at once, durable soon: kept and tried again while the store is away. */
  record(event: NewEvent): void;
  /** For a commit that is to write an event along with something else. */
  prepare(event: NewEvent): PreparedEvent;
  /** All that is kept of this host, by time. */
  events(host: string): readonly JournalEvent[];
  /** The newest of all hosts, at most `count`, by time. */
  latest(count: number): readonly JournalEvent[];
  /** Resolves when everything recorded so far was written, or has failed and waits to be tried again. */
  flush(): Promise<void>;
  counters(): JournalCounters;
}

export interface PreparedEvent {
  readonly put: ReadonlyArray<{ readonly key: string; readonly value: string }>;
  /** Events that are too old now. */
  readonly remove: readonly string[];
  /** To be called once the commit has succeeded: the event is then to be seen. */
  confirm(): void;
}

export interface JournalCounters {
  /** Writes that failed, each try counted. */
  readonly failures: number;
  /** Events that wait to be tried again. */
  readonly unsaved: number;
  /** Events given up because too many waited. */
  readonly lost: number;
}

export interface JournalOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Name of this server. */
  readonly server?: string;
  /** What is kept of each host; whichever is less. */
  readonly keep?: { readonly boots: number; readonly events: number };
  /** Where other servers write to the same store. */
  readonly following?: Following;
}

interface StoredEvent {
  readonly key: string;
  readonly event: JournalEvent;
}

interface HostJournal {
  stored: StoredEvent[];
  tracker: BootTracker;
  count: number;
}

const PREFIX = "journal/";
const KEEP = { boots: 20, events: 10_000 };
const RETRY_MS = 1_000;
const MAX_UNSAVED = 10_000;

/** Reads the journal into memory. Rejects with `store-unavailable`. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { store, clock, server = "local", keep = KEEP, following } = options;
  const known = await store.list(PREFIX);
  const hosts = loadHosts(known);
  if (following) void followStore(store, PREFIX, known, (row) => applyRow(hosts, row), following);
  const saver = createSaver(store, clock);

  function prepare(given: NewEvent): PreparedEvent {
    const host = hosts.get(given.host) ?? { stored: [], tracker: NO_BOOT, count: 0 };
    hosts.set(given.host, host);
    const at = given.at ?? clock.now();
    const previous = host.tracker.number;
    host.tracker = trackBoot(host.tracker, { ...given, at });
    host.count += 1;
    const event: JournalEvent = { ...given, at, boot: host.tracker.number };
    const stored = { key: keyOf(event, host.count, server), event };
    const mustPrune = event.boot > previous || host.stored.length >= keep.events;
    const old = mustPrune ? outdated(host.stored, event.boot, keep) : [];
    return {
      put: [{ key: stored.key, value: JSON.stringify(event) }],
      remove: old.map(({ key }) => key),
      confirm() {
        if (old.length > 0) host.stored = host.stored.filter((one) => !old.includes(one));
        insertSorted(host.stored, stored);
      },
    };
  }

  return {
    prepare,
    async append(given) {
      const { put, remove, confirm } = prepare(given);
      await store.commit({ put, remove });
      confirm();
    },
    record(given) {
      const { put, remove, confirm } = prepare(given);
      confirm();
      saver.save({ put, remove });
    },
    events: (host) => (hosts.get(host)?.stored ?? []).map(({ event }) => event),
    latest(count) {
      const newest = [...hosts.values()].flatMap(({ stored }) => stored.slice(-count));
      const events = newest.map(({ event }) => event).sort((a, b) => a.at - b.at);
      return events.slice(Math.max(0, events.length - count));
    },
    flush: saver.flush,
    counters: saver.counters,
  };
}

function loadHosts(entries: ReadonlyArray<{ readonly key: string; readonly value: string }>): Map<string, HostJournal> {
  const hosts = new Map<string, HostJournal>();
  for (const { key, value } of entries) {
    const event = JSON.parse(value) as JournalEvent;
    const host = hosts.get(event.host) ?? { stored: [], tracker: NO_BOOT, count: 0 };
    hosts.set(event.host, host);
    host.stored.push({ key, event });
    noteEvent(host, key, event);
  }
  return hosts;
}

function noteEvent(host: HostJournal, key: string, event: JournalEvent): void {
  host.count = Math.max(host.count, countOf(key));
  // The number is the stored one: the boots before it may be pruned.
  host.tracker = { ...trackBoot(host.tracker, event), number: event.boot };
}

/** Another server's event, or one of this server's that is known already. */
function applyRow(hosts: Map<string, HostJournal>, row: Entry | Deleted): void {
  const name = decodeURIComponent(row.key.slice(PREFIX.length, row.key.lastIndexOf("/")));
  const host = hosts.get(name) ?? { stored: [], tracker: NO_BOOT, count: 0 };
  hosts.set(name, host);
  if (row.value === undefined) {
    host.stored = host.stored.filter(({ key }) => key !== row.key);
    return;
  }
  if (host.stored.some(({ key }) => key === row.key)) return;
  const event = JSON.parse(row.value) as JournalEvent;
  noteEvent(host, row.key, event);
  insertSorted(host.stored, { key: row.key, event });
}

/** Sorts by time, then by what this server wrote first. The time is good until the year 33658. */
function keyOf(event: JournalEvent, count: number, server: string): string {
  const time = String(event.at).padStart(15, "0");
  return `${PREFIX}${encodeURIComponent(event.host)}/${time}-${String(count).padStart(10, "0")}-${server}`;
}

function countOf(key: string): number {
  return Number(key.slice(key.lastIndexOf("/") + 1).split("-")[1]);
}

/** The events that go when one more of boot `boot` comes. */
function outdated(stored: readonly StoredEvent[], boot: number, keep: typeof KEEP): StoredEvent[] {
  const surplus = stored.length + 1 - keep.events;
  return stored.filter(({ event }, place) => place < surplus || event.boot <= boot - keep.boots);
}

/** Nearly always at the end: only a clock that was set back makes an event older than the one before it. */
function insertSorted(stored: StoredEvent[], added: StoredEvent): void {
  const before = stored.findLastIndex(({ key }) => key <= added.key);
  // The store's watch may have been quicker than the commit's own answer.
  if (stored[before]?.key !== added.key) stored.splice(before + 1, 0, added);
}

/** Writes changes behind the caller's back, and again after a while when the store was away. */
function createSaver(store: Store, clock: Clock) {
  const underWay = new Set<Promise<void>>();
  let unsaved: Change[] = [];
  let isRetryDue = false;
  let failures = 0;
  let lost = 0;

  function save(change: Change): void {
    const writing = store
      .commit(change)
      .then(noop, () => keepForLater([change]))
      .finally(() => underWay.delete(writing));
    underWay.add(writing);
  }

  function keepForLater(changes: readonly Change[]): void {
    failures += 1;
    unsaved.push(...changes);
    const surplus = unsaved.splice(0, Math.max(0, unsaved.length - MAX_UNSAVED));
    lost += surplus.length;
    if (!isRetryDue) clock.after(RETRY_MS, retry);
    isRetryDue = true;
  }

  function retry(): void {
    isRetryDue = false;
    const changes = unsaved;
    unsaved = [];
    const put = changes.flatMap((change) => change.put ?? []);
    const remove = changes.flatMap((change) => change.remove ?? []);
    const writing = store
      .commit({ put, remove })
      .then(noop, () => keepForLater(changes))
      .finally(() => underWay.delete(writing));
    underWay.add(writing);
  }

  return {
    save,
    async flush() {
      await Promise.all(underWay);
    },
    counters: (): JournalCounters => ({ failures, unsaved: unsaved.length, lost }),
  };
}

function noop(): void {}
