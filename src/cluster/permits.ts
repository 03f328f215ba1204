/** Issuing permits, handing them out, and taking reports. In doubt no permit is handed out: boot from disk (law 5). */
import type { Clock } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";
import type { Store } from "../store/store.ts";
import type { Following } from "./follow-store.ts";
import type { Journal } from "./journal.ts";
import {
  isActive,
  isOpen,
  movePermit,
  type Permit,
  type PermitState,
  type ReportedEvent,
  stateAt,
  strongerReport,
} from "./permit-rules.ts";
import { openPermitStore, type PermitStore } from "./permit-store.ts";

export type HandOut =
  | { readonly kind: "permit"; readonly permit: Permit }
  /** Boot from disk: there never was a permit, what became of it, or that this cannot be told now. */
  | { readonly kind: "none"; readonly reason: "absent" | PermitState | "store-unavailable" };

export interface Permits extends Pick<PermitStore, "newestOf" | "byToken" | "all"> {
  /** Rejects with `permit-exists` while another is open (unless `replace`), or `store-unavailable`. */
  issue(host: string, options?: IssueOptions): Promise<Permit>;
  /** The permit for a machine that is about to load its installer, from `server` if that is chosen. */
  handOut(host: string, server?: string): Promise<HandOut>;
  /** Rejects with `permit-unknown` or `store-unavailable`. Saying the same twice is well. */
  advance(token: string, event: ReportedEvent): Promise<Permit>;
  /** Rejects with `permit-unknown` when there is nothing to cancel, or `store-unavailable`. */
  cancel(host: string): Promise<Permit>;
  /** From memory, for those who cannot wait: the permit that `handOut` would most likely give. */
  activeFor(host: string): Permit | undefined;
}

export interface IssueOptions {
  readonly lifetimeMs?: number;
  readonly replace?: boolean;
}

export interface PermitsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly journal: Pick<Journal, "prepare">;
  /** So many bytes of cryptographic randomness: `randomBytes` of node:crypto. */
  readonly random: (bytes: number) => Uint8Array;
  /** Where other servers write to the same store. */
  readonly following?: Following;
}

const LIFETIME_MS = 4 * 60 * 60 * 1000;

/** Reads the permits into memory. Rejects with `store-unavailable`. */
export async function openPermits(options: PermitsOptions): Promise<Permits> {
  const { store, clock, journal, random, following } = options;
  const permits = await openPermitStore(store, journal, following);
  /** Reports, by token, that could not be stored: until they are, their permits are not handed out. */
  const unstored = new Map<string, ReportedEvent>();

  async function advance(token: string, reported: ReportedEvent): Promise<Permit> {
    const host = permits.byToken(token)?.host;
    if (host === undefined) throw new EverbootError("permit-unknown");
    const event = strongerReport(unstored.get(token), reported);
    try {
      const move = (current?: Permit) => movePermit(current?.token === token ? current : undefined, event, clock.now());
      const permit = await permits.change(host, move);
      unstored.delete(token);
      return permit;
    } catch (error) {
      if (isUnavailable(error)) unstored.set(token, event);
      else unstored.delete(token);
      throw error;
    }
  }

  async function handOut(host: string, server?: string): Promise<HandOut> {
    const known = permits.newestOf(host);
    const report = known && unstored.get(known.token);
    if (known && report) await advance(known.token, report);
    const permit = await permits.change(host, (current) => {
      const now = clock.now();
      if (current === undefined || isActive(current, now)) return movePermit(current, "hand-out", now, server);
      // Expiry is written down, so that a clock that is set back later does not bring the permit to life again.
      return stateAt(current, now) === current.state ? current : movePermit(current, "expire", now);
    });
    return permit.state === "started" ? { kind: "permit", permit } : { kind: "none", reason: permit.state };
  }

  return {
    ...permits,
    issue: (host, { lifetimeMs = LIFETIME_MS, replace = false } = {}) =>
      permits.change(host, (current) => {
        const now = clock.now();
        if (current !== undefined && !replace && isOpen(current, now)) throw permitExists(current);
        return createPermit(host, random, now, lifetimeMs);
      }),
    handOut: (host, server) => handOut(host, server).catch(refusalOf),
    advance,
    cancel: (host) => permits.change(host, (current) => movePermit(current, "cancel", clock.now())),
    activeFor(host) {
      const permit = permits.newestOf(host);
      if (permit === undefined || unstored.has(permit.token)) return undefined;
      return isActive(permit, clock.now()) ? permit : undefined;
    },
  };
}

function createPermit(host: string, random: PermitsOptions["random"], issued: number, lifetimeMs: number): Permit {
  const [id, token] = [toHex(random(4)), toHex(random(16))];
  return { id, token, host, issued, expires: issued + lifetimeMs, state: "issued", changed: issued, handOuts: 0 };
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function permitExists({ host, expires }: Permit): EverbootError {
  return new EverbootError("permit-exists", { host, until: new Date(expires).toISOString() });
}

function isUnavailable(error: unknown): boolean {
  return error instanceof EverbootError && error.code === "store-unavailable";
}

/** @throws what is neither an outage nor a missing permit: a bug */
function refusalOf(error: unknown): HandOut {
  if (isUnavailable(error)) return { kind: "none", reason: "store-unavailable" };
  if (error instanceof EverbootError && error.code === "permit-unknown") return { kind: "none", reason: "absent" };
  throw error;
}
