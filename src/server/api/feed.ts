/**
 * The hosts as they are now, kept in memory for lists, live views and web hooks: folded anew only for hosts of which
 * something was heard, or whose time has come. One ticker tells all who follow, at most four times a second.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import type { HostMoment, SiteNames } from "./operations.ts";
import type { HostSummary } from "./shapes.ts";

export interface HostChange {
  readonly summary: HostSummary;
  /** `summary` as JSON. */
  readonly text: string;
  /** Absent = it is new in the site file. */
  readonly before?: HostSummary;
}

export interface FleetChange {
  readonly changed: readonly HostChange[];
  /** Names of those that the site file no longer has. */
  readonly gone: readonly string[];
}

export interface FeedSource {
  names(): SiteNames;
  moment(host: string): HostMoment;
}

export interface FeedOptions {
  /** Asked at each look: another revision of the site file has others. */
  readonly source: () => FeedSource;
  /** Calls back with each host of which something was heard; absent = every host may have changed at any time. */
  readonly heard?: (listener: (host: string) => void) => () => void;
  readonly clock: Clock;
}

interface Known {
  readonly summary: HostSummary;
  readonly text: string;
  readonly until: number;
}

const TICK_MS = 250;

export class FleetFeed {
  private readonly options: FeedOptions;
  private readonly known = new Map<string, Known>();
  private readonly unheard = new Set<string>();
  /** Looked at once more: another server's event may come before the permit that was changed with it. */
  private again: ReadonlySet<string> = new Set();
  private readonly followers = new Set<(change: FleetChange) => void>();
  private readonly leave: (() => void) | undefined;
  private names: SiteNames | undefined;
  private listed: ReadonlySet<string> = new Set();
  private timer: Timer | undefined;

  constructor(options: FeedOptions) {
    this.options = options;
    this.leave = options.heard?.((host) => this.unheard.add(host));
  }

  /** All hosts, in the order of the site file; as JSON too. */
  hosts(): ReadonlyArray<Pick<HostChange, "summary" | "text">> {
    this.refresh();
    return (this.names?.hosts ?? []).flatMap((name) => this.known.get(name) ?? []);
  }

  /** Tells of changes since the last look, until the returned function is called. */
  follow(listener: (change: FleetChange) => void): () => void {
    this.followers.add(listener);
    this.timer ??= this.options.clock.after(TICK_MS, () => this.tick());
    return () => {
      this.followers.delete(listener);
      if (this.followers.size === 0) this.rest();
    };
  }

  /** Ends the ticker. */
  stop(): void {
    this.followers.clear();
    this.rest();
    this.leave?.();
  }

  private rest(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private tick(): void {
    this.timer = this.options.clock.after(TICK_MS, () => this.tick());
    this.refresh();
  }

  /** Brings what is known up to date, and tells the followers. */
  private refresh(): void {
    const source = this.options.source();
    const gone = this.takeNames(source.names());
    const changed = [...this.outdated()].flatMap((host) => this.look(source, host) ?? []);
    if (changed.length === 0 && gone.length === 0) return;
    for (const listener of this.followers) listener({ changed, gone });
  }

  /** The hosts that another revision of the site file no longer has. */
  private takeNames(names: SiteNames): string[] {
    if (names.revision === this.names?.revision) return [];
    this.names = names;
    this.listed = new Set(names.hosts);
    const gone = [...this.known.keys()].filter((host) => !this.listed.has(host));
    for (const host of gone) this.known.delete(host);
    for (const host of names.hosts) this.unheard.add(host);
    return gone;
  }

  private outdated(): Set<string> {
    const now = this.options.clock.now();
    if (!this.options.heard) return new Set(this.names?.hosts);
    const hosts = new Set([...this.unheard, ...this.again]);
    this.again = new Set(this.unheard);
    this.unheard.clear();
    for (const [host, { until }] of this.known) if (until <= now) hosts.add(host);
    return hosts;
  }

  /** Undefined = it is as it was, or no host. */
  private look(source: FeedSource, host: string): HostChange | undefined {
    if (!this.listed.has(host)) return undefined;
    const before = this.known.get(host);
    const { summary, until = Number.POSITIVE_INFINITY } = source.moment(host);
    const text = JSON.stringify(summary);
    this.known.set(host, { summary, text, until });
    if (before?.text === text) return undefined;
    return { summary, text, ...(before && { before: before.summary }) };
  }
}
