/**
 * The journal: what happened to each host, kept in the store, with a copy in memory from which status is served.
 * Each event is a key of its own, `journal/<host>/<time>-<count>-<server>`, so that the journals of several servers
 * can be laid together and an event that is written twice is still one.
 */
import type { Clock } from "../base/clock.ts";
import type { Change, Deleted, Entry, Store } from "../store/store.ts";
import { foldBoots } from "./boot-trace.ts";
import { type BootTracker, bootOf, NO_BOOT, trackBoot, trackStored } from "./boots.ts";
import type { JournalEvent, NewEvent } from "./events.ts";
import { type Following, followStore } from "./follow-store.ts";
import type { BootTrace } from "./status.ts";

export interface Journal {
  /** Durable when it resolves. Rejects with `store-unavailable`: the event is then not seen, and not tried again. */
  append(event: NewEvent): Promise<void>;
  /** Seen at once, durable soon: kept and tried again while the store is away. The event as it is kept. */
  record(event: NewEvent): JournalEvent;
  /** For a commit that is to write an event along with something else. */
  prepare(event: NewEvent): PreparedEvent;
  /** All that is kept of this host, by time. */
  events(host: string): readonly JournalEvent[];
  /** Id of this host's newest boot; undefined = none is known, or it has none. */
  bootId(host: string): string | undefined;
  /** All that are kept of this host, the oldest first. */
  boots(host: string): readonly BootTrace[];
  /** Hosts that something is kept of. */
  hosts(): readonly string[];
  /** Another number whenever this host's events are others: what was made of them is then out of date. */
  version(host: string): number;
  /**
   * Tells of each event from now on, this server's own and those of the others, once it is to be seen. A listener must
   * not throw. Returns what ends it.
   */
  subscribe(listener: (event: JournalEvent) => void): () => void;
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
  version: number;
}

const PREFIX = "journal/";
const KEEP = { boots: 20, events: 10_000 };
const RETRY_MS = 1_000;
/** Milliseconds for which recorded events are gathered, and how many at most. */
const GATHER_MS = 50;
const MAX_GATHERED = 500;
const MAX_UNSAVED = 10_000;

/** Reads the journal into memory. Rejects with `store-unavailable`. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { store, clock, server = "local", keep = KEEP, following } = options;
  const known = await store.list(PREFIX);
  const hosts = loadHosts(known);
  const listeners = new Set<(event: JournalEvent) => void>();
  const tell = (event: JournalEvent) => {
    for (const listener of listeners) listener(event);
  };
  if (following) void followStore(store, PREFIX, known, (row) => applyRow(hosts, row, tell), following);
  const saver = createSaver(store, clock);
  const eventsOf = (host: string) => (hosts.get(host)?.stored ?? []).map(({ event }) => event);

  function prepare(given: NewEvent): PreparedEvent & { readonly event: JournalEvent } {
    const host = hostOf(hosts, given.host);
    const previous = host.tracker.number;
    const event = place(host, { ...given, at: given.at ?? clock.now() });
    const stored = { key: keyOf(event, host.count, server), event };
    const mustPrune = host.tracker.number > previous || host.stored.length >= keep.events;
    const old = mustPrune ? outdated(host.stored, host.tracker.number, keep) : [];
    return {
      event,
      put: [{ key: stored.key, value: JSON.stringify(event) }],
      remove: old.map(({ key }) => key),
      confirm() {
        if (old.length > 0) host.stored = host.stored.filter((one) => !old.includes(one));
        if (insertSorted(host, stored)) tell(event);
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
      const { put, remove, confirm, event } = prepare(given);
      confirm();
      saver.save({ put, remove });
      return event;
    },
    events: eventsOf,
    bootId: (host) => hosts.get(host)?.tracker.id,
    boots: (host) => foldBoots(eventsOf(host)).map(({ trace }) => trace),
    hosts: () => [...hosts.keys()],
    version: (host) => hosts.get(host)?.version ?? 0,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    latest(count) {
      const newest = [...hosts.values()].flatMap(({ stored }) => stored.slice(-count));
      const events = newest.map(({ event }) => event).sort((a, b) => a.at - b.at);
      return events.slice(Math.max(0, events.length - count));
    },
    flush: saver.flush,
    counters: saver.counters,
  };
}

function hostOf(hosts: Map<string, HostJournal>, name: string): HostJournal {
  const host = hosts.get(name) ?? { stored: [], tracker: NO_BOOT, count: 0, version: 0 };
  hosts.set(name, host);
  return host;
}

/** Counts an event of this server's own to its boot. */
function place(host: HostJournal, given: NewEvent & { readonly at: number }): JournalEvent {
  host.tracker = trackBoot(host.tracker, given);
  host.count += 1;
  const { number, id } = bootOf(host.tracker, given.trace);
  return { ...given, boot: number, ...(id !== undefined && { trace: id }) };
}

function loadHosts(entries: ReadonlyArray<{ readonly key: string; readonly value: string }>): Map<string, HostJournal> {
  const hosts = new Map<string, HostJournal>();
  for (const { key, value } of entries) {
    const event = JSON.parse(value) as JournalEvent;
    const host = hostOf(hosts, event.host);
    host.stored.push({ key, event });
    noteEvent(host, key, event);
  }
  return hosts;
}

function noteEvent(host: HostJournal, key: string, event: JournalEvent): void {
  host.count = Math.max(host.count, countOf(key));
  host.tracker = trackStored(host.tracker, event);
}

/** Another server's event, or one of this server's that is known already. */
function applyRow(
  hosts: Map<string, HostJournal>,
  { key, value }: Entry | Deleted,
  tell: (event: JournalEvent) => void,
): void {
  const host = hostOf(hosts, decodeURIComponent(key.slice(PREFIX.length, key.lastIndexOf("/"))));
  if (value === undefined) {
    host.stored = host.stored.filter((each) => each.key !== key);
    host.version += 1;
    return;
  }
  if (host.stored.some((each) => each.key === key)) return;
  const event = JSON.parse(value) as JournalEvent;
  noteEvent(host, key, event);
  if (insertSorted(host, { key, event })) tell(event);
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
function insertSorted(host: HostJournal, added: StoredEvent): boolean {
  const before = host.stored.findLastIndex(({ key }) => key <= added.key);
  // The store's watch may have been quicker than the commit's own answer.
  if (host.stored[before]?.key === added.key) return false;
  host.stored.splice(before + 1, 0, added);
  host.version += 1;
  return true;
}

/** Writes changes behind the caller's back, and again after a while when the store was away. */
function createSaver(store: Store, clock: Clock) {
  const underWay = new Set<Promise<void>>();
  let gathered: Change[] = [];
  let unsaved: Change[] = [];
  let isRetryDue = false;
  let failures = 0;
  let lost = 0;

  /** A fleet that is switched on makes thousands of events a second: they share commits. */
  function save(change: Change): void {
    if (gathered.length === 0) clock.after(GATHER_MS, writeGathered);
    gathered.push(change);
    if (gathered.length >= MAX_GATHERED) writeGathered();
  }

  function writeGathered(): void {
    const changes = gathered;
    gathered = [];
    if (changes.length > 0) write(changes);
  }

  function write(changes: readonly Change[]): void {
    const put = changes.flatMap((change) => change.put ?? []);
    const remove = changes.flatMap((change) => change.remove ?? []);
    const writing = store
      .commit({ put, remove })
      .then(noop, () => keepForLater(changes))
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
    write(changes);
  }

  return {
    save,
    async flush() {
      writeGathered();
      await Promise.all(underWay);
    },
    counters: (): JournalCounters => ({ failures, unsaved: unsaved.length, lost }),
  };
}

function noop(): void {}
