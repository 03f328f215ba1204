/** Who has which place: the installs that run, and those that this server is letting in at this moment. */
import type { Clock } from "../base/clock.ts";
import type { Server, Subnet } from "../site/model.ts";

/** What has a number of installs at a time, or none. */
export type Limited = Server | Subnet;

/** An install takes a place at its server and one in its network. */
export interface Install {
  readonly server: Server;
  readonly subnet: Subnet;
}

export interface PlacesOptions {
  /** By host: the installs that run as far as this server knows. Counted anew every COUNT_MS at most. */
  readonly running: () => ReadonlyMap<string, Install>;
  /** How many servers let machines in now, this one included. */
  readonly servers: () => number;
  readonly clock: Pick<Clock, "now">;
}

/** Milliseconds that a count is good for: thousands of machines may ask within one. */
const COUNT_MS = 250;
/**
 * Twice the time, milliseconds, after which all servers have seen a hand-out. What a server let in for that long counts
 * to its own part of what was free.
 */
const PART_MS = 2_000;

interface LetIn extends Install {
  readonly at: number;
}

export class Places {
  private readonly options: PlacesOptions;
  private countedAt = Number.NEGATIVE_INFINITY;
  private installs = new Map<string, Install>();
  private taken = new Map<Limited, number>();
  /** Let in by this server: until the hand-out is done, and a count has seen it. */
  private readonly ours = new Map<string, { readonly install: Install; isDone: boolean }>();
  private recent: LetIn[] = [];
  private recently = new Map<Limited, number>();

  constructor(options: PlacesOptions) {
    this.options = options;
  }

  /** The install that this host runs or is being let in to. */
  installOf(host: string): Install | undefined {
    this.count();
    return this.installs.get(host);
  }

  /** Installs that run there or are being let in. */
  takenAt(limited: Limited): number {
    this.count();
    return this.taken.get(limited) ?? 0;
  }

  /**
   * How many more this server may let in now. Servers that let in at the same moment do not see each other, so each has
   * its part of what is free, and at least one: together they exceed a limit by one less than there are servers.
   */
  free(limited: Limited): number {
    if (limited.installs === undefined) return Number.POSITIVE_INFINITY;
    const left = limited.installs - this.takenAt(limited);
    const servers = this.options.servers();
    if (left <= 0 || servers === 1) return Math.max(0, left);
    const recently = this.recently.get(limited) ?? 0;
    const part = Math.max(1, Math.floor((left + recently) / servers));
    return Math.max(0, Math.min(left, part - recently));
  }

  /** At once, so that whoever asks next finds it taken; `settle` follows when the hand-out is done or has failed. */
  take(host: string, install: Install): void {
    this.count();
    this.ours.set(host, { install, isDone: false });
    this.installs.set(host, install);
    this.recent.push({ ...install, at: this.options.clock.now() });
    for (const counts of [this.taken, this.recently]) for (const each of limitedOf(install)) add(counts, each, 1);
  }

  settle(host: string, isHandedOut: boolean): void {
    const letIn = this.ours.get(host);
    if (letIn === undefined) return;
    letIn.isDone = true;
    if (isHandedOut) return;
    this.ours.delete(host);
    this.installs.delete(host);
    for (const each of limitedOf(letIn.install)) add(this.taken, each, -1);
  }

  private count(): void {
    const now = this.options.clock.now();
    if (now >= this.countedAt && now - this.countedAt < COUNT_MS) return;
    this.countedAt = now;
    this.installs = new Map(this.options.running());
    for (const [host, { install, isDone }] of this.ours) {
      if (isDone) this.ours.delete(host);
      else this.installs.set(host, install);
    }
    this.taken = tally(this.installs.values());
    this.recent = this.recent.filter(({ at }) => at <= now && now - at < PART_MS);
    this.recently = tally(this.recent);
  }
}

function limitedOf({ server, subnet }: Install): readonly Limited[] {
  return [server, subnet];
}

function tally(installs: Iterable<Install>): Map<Limited, number> {
  const counts = new Map<Limited, number>();
  for (const install of installs) for (const each of limitedOf(install)) add(counts, each, 1);
  return counts;
}

function add(counts: Map<Limited, number>, key: Limited, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
