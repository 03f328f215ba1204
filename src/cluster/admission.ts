/**
 * Who may begin to install now, and from which server; all others wait in their boot loaders and ask again. Decides from
 * this server's own copy of the permits, at once and without writing anything.
 */
import type { Loads } from "../balance/policy.ts";
import type { OrderServers } from "../balance/site-orders.ts";
import type { Clock } from "../base/clock.ts";
import type { Host, Server, Site } from "../site/model.ts";
import { Line, type Waiter } from "./admission-line.ts";
import { type Install, type Limited, Places } from "./admission-places.ts";
import { isRunning } from "./admission-running.ts";
import type { Members } from "./members.ts";
import type { Permit } from "./permit-rules.ts";
import type { Permits } from "./permits.ts";

export type Admission =
  /** Nothing to be let in to: it has no permit that can be handed out. */
  { readonly kind: "none" } | LetIn | Wait;

export interface LetIn {
  readonly kind: "go";
  /** Name of the server to send it to. */
  readonly server: string;
  /** To be called when its permit has been handed out, or could not be: the place is then free again. */
  settle(isHandedOut: boolean): void;
}

export interface Wait {
  readonly kind: "wait";
  /** Among those that want the same: 1 = the next. */
  readonly place: number;
  readonly of: number;
  /** When it began to wait, milliseconds since 1970: it tells this when it asks again, here or at an heir. */
  readonly since: number;
  /** Until it is to ask again. */
  readonly seconds: number;
  /** It has not been told to wait before. */
  readonly isFirst: boolean;
}

export interface Asking {
  /** What it was told as `since`; a number that it could have made up. */
  readonly since?: number;
  /** Seconds: its loader cannot well ask oftener. */
  readonly leastPause?: number;
}

export interface AdmissionOptions {
  readonly site: Pick<Site, "servers" | "hosts">;
  /** This server's name. */
  readonly self: string;
  readonly permits: Pick<Permits, "all" | "activeFor">;
  /** By what all servers know alike. */
  readonly order: OrderServers;
  /** Where the policy goes by load: its orders. */
  readonly orderByLoad?: (loads: () => Loads) => OrderServers;
  /** Of the servers those that have the files of this host's install; absent = all have. */
  readonly holding?: (host: Host, servers: readonly Server[]) => readonly Server[];
  /** Was this other server heard of late? */
  readonly isAlive: (server: string) => boolean;
  readonly members: () => Members;
  /** When a host was last heard of, milliseconds since 1970. */
  readonly lastSign: (host: string) => number | undefined;
  readonly clock: Pick<Clock, "now">;
  /** From 0 to below 1: spreads those who wait. */
  readonly random: () => number;
}

/** Seconds between two questions of the one who is next. */
const LEAST_PAUSE = 3;
/**
 * Each place further back asks 1/30 s later. 2,000 machines that wait then ask 94 times a second together, 20,000 some
 * 160 times: the sum over all places p of 1 / (3 + p / 30) is 30 ln(1 + n / 90).
 */
const PLACES_PER_SECOND = 30;
const LONGEST_PAUSE = 120;
/** A pause is from 1 - SPREAD to 1 + SPREAD times as long, so that those of one moment do not stay together. */
const SPREAD = 0.25;
/** Pauses that a waiter may let pass before it loses its place; and for one fetch that stalls, milliseconds. */
const MISSED_PAUSES = 3;
const STALL_MS = 20_000;

export class AdmissionControl {
  private readonly options: AdmissionOptions;
  private readonly order: OrderServers;
  private readonly places: Places;
  private readonly line = new Line();
  private readonly counts = { "let-in": 0, "told-to-wait": 0, "lost-place": 0 };

  constructor(options: AdmissionOptions) {
    this.options = options;
    this.order = options.orderByLoad?.(() => this.loads()) ?? options.order;
    this.places = new Places({
      running: () => this.running(),
      servers: () => this.living().length,
      clock: options.clock,
    });
  }

  /** A machine asks for the script that installs it. */
  ask(host: Host, asking: Asking = {}): Admission {
    const permit = this.options.permits.activeFor(host.name);
    if (permit === undefined) {
      this.line.remove(host.name);
      return { kind: "none" };
    }
    const install = this.places.installOf(host.name);
    // It starts over: it has its place, and stays with its server while that lives.
    if (install) return { kind: "go", server: install.server.name, settle: () => {} };
    return this.lineUp(host, permit, asking);
  }

  /** Machines that wait here. */
  waiting(): number {
    this.forgetSilent();
    return this.line.length;
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.counts, waiting: this.waiting() };
  }

  private lineUp(host: Host, permit: Permit, asking: Asking): Admission {
    this.forgetSilent();
    const now = this.options.clock.now();
    const known = this.line.find(host.name);
    const claimed = Math.min(known?.since ?? now, asking.since ?? now);
    // Nobody has waited since before its permit was issued, whatever it says.
    const since = Math.min(now, Math.max(permit.issued, claimed));
    const waiter: Waiter = {
      host: host.name,
      subnet: host.subnet,
      server: this.options.orderByLoad ? undefined : this.candidates(host)[0],
      since,
      until: now,
    };
    this.line.put(waiter);
    const { place, of, isNext } = this.line.standingOf(waiter, (what) => this.free(what));
    if (isNext && this.serverWithPlace(host)) return this.letIn(host);
    const seconds = this.pauseAt(place, asking.leastPause);
    this.line.put({ ...waiter, until: now + MISSED_PAUSES * seconds * 1000 + STALL_MS });
    const isFirst = known === undefined && asking.since === undefined;
    if (isFirst) this.counts["told-to-wait"] += 1;
    return { kind: "wait", place, of, since, seconds, isFirst };
  }

  private letIn(host: Host): Admission {
    this.line.remove(host.name);
    const server = this.serverWithPlace(host);
    if (server === undefined) throw new Error(`${host.name} is let in, and no server has a place`);
    this.places.take(host.name, { server, subnet: host.subnet });
    this.counts["let-in"] += 1;
    return {
      kind: "go",
      server: server.name,
      settle: (isHandedOut) => this.places.settle(host.name, isHandedOut),
    };
  }

  private serverWithPlace(host: Host): Server | undefined {
    return this.candidates(host).find((each) => this.places.free(each) > 0);
  }

  private free(what: Limited | undefined): number {
    if (what !== undefined) return this.places.free(what);
    return this.open().reduce((sum, server) => sum + this.places.free(server), 0);
  }

  private running(): ReadonlyMap<string, Install> {
    const { permits, site, clock, lastSign } = this.options;
    const installs = new Map<string, Install>();
    for (const permit of permits.all()) {
      const host = site.hosts.get(permit.host);
      if (!host || !isRunning(permit, clock.now(), lastSign)) continue;
      const server = this.serverOf(permit, host);
      if (server) installs.set(host.name, { server, subnet: host.subnet });
    }
    return installs;
  }

  /** Who has the work of an install: the server it was sent to, or when that is dead the next one of the host's order. */
  private serverOf({ server }: Permit, host: Host): Server | undefined {
    if (server !== undefined && this.lives(server)) return this.options.site.servers.get(server);
    const living = this.options.order(host).filter(({ name }) => this.lives(name));
    return (this.options.holding?.(host, living) ?? living)[0];
  }

  /**
   * In the order of the policy. One that is to be taken out of service, but has the files, comes before those that lack
   * them; when none that lives has them, nobody is handed a permit (server/boot/boot-scripts.ts).
   */
  private candidates(host: Host): readonly Server[] {
    const order = this.order(host);
    const holding = this.options.holding?.(host, order) ?? order;
    const [open, living] = [this.open(), this.living()];
    const fit = holding.filter((server) => open.includes(server));
    if (fit.length > 0) return fit;
    const draining = holding.filter((server) => living.includes(server));
    return draining.length > 0 ? draining : order.filter((server) => open.includes(server));
  }

  /** Those that take new installs; if all that live are to be taken out of service, they do it still. */
  private open(): readonly Server[] {
    const members = this.options.members();
    const living = this.living();
    const open = living.filter(({ name }) => members.get(name)?.draining !== true);
    return open.length > 0 ? open : living;
  }

  private living(): readonly Server[] {
    return [...this.options.site.servers.values()].filter(({ name }) => this.lives(name));
  }

  private lives(server: string): boolean {
    if (server === this.options.self) return true;
    return this.options.site.servers.has(server) && this.options.isAlive(server);
  }

  /** Those who wait count for none: where the policy goes by load they belong to no server until they are let in. */
  private loads(): Loads {
    const members = this.options.members();
    return new Map(
      this.open().map((server) => {
        const member = members.get(server.name);
        const rate = member?.fresh ? member.rate : 0;
        return [server.name, { rate, installs: this.places.takenAt(server) }];
      }),
    );
  }

  private pauseAt(place: number, least: number = LEAST_PAUSE): number {
    const pause = Math.min(LONGEST_PAUSE, Math.max(least, LEAST_PAUSE + place / PLACES_PER_SECOND));
    return Math.round(pause * (1 - SPREAD + 2 * SPREAD * this.options.random()));
  }

  private forgetSilent(): void {
    this.counts["lost-place"] += this.line.forgetSilent(this.options.clock.now());
  }
}
