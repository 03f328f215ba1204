/** Issuing permits, handing them out, and taking reports. In doubt no permit is handed out: boot from disk (law 5). */
import { type Clock, sleep } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";
import type { Store } from "../store/store.ts";
import type { Following } from "./follow-store.ts";
import type { Journal } from "./journal.ts";
import {
  type HandOutOf,
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
import { RecentHandOuts } from "./recent-hand-outs.ts";

export type HandOut =
  | { readonly kind: "permit"; readonly permit: Permit }
  | { readonly kind: "none"; readonly reason: Refusal };

/**
 * Boot from disk: there never was a permit, what became of it, that this cannot be told now, or that a server which is
 * away may know of an install by it.
 */
export type Refusal = "absent" | PermitState | "store-unavailable" | "untold";

/** How this server stands to the others. */
export interface Standing {
  /** It has all that could make a permit a used one; in a pair, see pair.ts. */
  readonly mayHandOut: boolean;
  /** Each other server of the site has just told that it knows nothing which the cluster does not. */
  readonly allTold: boolean;
}

export interface Permits extends Pick<PermitStore, "newestOf" | "byToken" | "all"> {
  /** Rejects with `permit-exists` while another is open (unless `replace`), or `store-unavailable`. */
  issue(host: string, options?: IssueOptions): Promise<Permit>;
  /**
   * The permit for a machine that is about to load its installer, from `given.server` if that is chosen. Of the tree the
   * version of `given`; but one that asks again within `handOutAgainMs` is in the same boot, and keeps what it was given.
   */
  handOut(host: string, given?: HandOutOf): Promise<HandOut>;
  /** Rejects with `permit-unknown` or `store-unavailable`. Saying the same twice is well. */
  advance(token: string, event: ReportedEvent): Promise<Permit>;
  /** Rejects with `permit-unknown` when there is nothing to cancel, or `store-unavailable`. */
  cancel(host: string): Promise<Permit>;
  /** From memory, for those who cannot wait: the permit that `handOut` would most likely give. */
  activeFor(host: string): Permit | undefined;
  /** From memory: why `handOut` would most likely give none. */
  refusalFor(host: string): Refusal | undefined;
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
  /** Asked before each hand-out. Absent: there are no other servers. */
  readonly standing?: () => Standing;
  /**
   * Milliseconds after a hand-out within which nothing can have been installed by it, default 60,000: a boot loader
   * that lost its server in mid-script asks again within seconds.
   */
  readonly handOutAgainMs?: number;
  /**
   * Milliseconds for which a machine that asks is kept waiting while it cannot be told whether it may be installed;
   * default 8,000 with `standing`: within that time the servers that are left know who they are.
   */
  readonly patienceMs?: number;
}

const LIFETIME_MS = 4 * 60 * 60 * 1000;
const HAND_OUT_AGAIN_MS = 60_000;
const PATIENCE_MS = 8_000;
const RETRY_MS = 250;
/** It may be told within moments. */
const PASSING: ReadonlySet<Refusal> = new Set(["store-unavailable", "untold"]);
const NO_OTHERS: Standing = { mayHandOut: true, allTold: true };

/** Reads the permits into memory. Rejects with `store-unavailable`. */
export async function openPermits(options: PermitsOptions): Promise<Permits> {
  const { store, clock, journal, random, following, standing = () => NO_OTHERS } = options;
  const { patienceMs = options.standing ? PATIENCE_MS : 0 } = options;
  const recent = new RecentHandOuts(clock, options.handOutAgainMs ?? HAND_OUT_AGAIN_MS);
  const withheld = (permit: Permit) =>
    isActive(permit, clock.now()) ? withholding(permit, standing(), recent) : undefined;
  const permits = await openPermitStore(store, journal, following, (permit) => recent.note(permit));
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

  async function handOut(host: string, given: HandOutOf): Promise<HandOut> {
    const known = permits.newestOf(host);
    const report = known && unstored.get(known.token);
    if (known && report) await advance(known.token, report);
    let refusal: Refusal | undefined;
    const permit = await permits.change(host, (current) => {
      refusal = current && withheld(current);
      if (current && refusal) return current;
      return handedOut(current, clock.now(), current && recent.has(current) ? sameFiles(current, given) : given);
    });
    if (refusal) return { kind: "none", reason: refusal };
    return permit.state === "started" ? { kind: "permit", permit } : { kind: "none", reason: permit.state };
  }

  function refusalFor(host: string): Refusal | undefined {
    const permit = permits.newestOf(host);
    if (permit === undefined) return "absent";
    const now = clock.now();
    if (!isActive(permit, now)) return stateAt(permit, now);
    return unstored.has(permit.token) ? "store-unavailable" : withheld(permit);
  }

  return {
    ...permits,
    issue: (host, { lifetimeMs = LIFETIME_MS, replace = false } = {}) =>
      permits.change(host, (current) => {
        const now = clock.now();
        if (current !== undefined && !replace && isOpen(current, now)) throw permitExists(current);
        return createPermit(host, random, now, lifetimeMs);
      }),
    handOut: (host, given = {}) => patiently(clock, patienceMs, () => handOut(host, given).catch(refusalOf)),
    advance,
    cancel: (host) => permits.change(host, (current) => movePermit(current, "cancel", clock.now())),
    activeFor: (host) => (refusalFor(host) === undefined ? permits.newestOf(host) : undefined),
    refusalFor,
  };
}

/**
 * Why a permit that may be handed out by itself is not. A first hand-out is safe where this server knows all. A second
 * one is not, if a server that is away may have taken the report of an install by the first; unless the first was so
 * short a while ago that there can be none.
 */
function withholding(permit: Permit, standing: Standing, recent: RecentHandOuts): Refusal | undefined {
  if (!standing.mayHandOut) return "store-unavailable";
  return permit.state === "started" && !standing.allTold && !recent.has(permit) ? "untold" : undefined;
}

/**
 * What becomes of the permit of a machine that asks. Expiry is written down, so that a clock that is set back later does
 * not bring the permit to life again.
 */
function handedOut(permit: Permit | undefined, now: number, given: HandOutOf): Permit {
  if (permit === undefined || isActive(permit, now)) return movePermit(permit, "hand-out", now, given);
  return stateAt(permit, now) === permit.state ? permit : movePermit(permit, "expire", now);
}

/** The first answer may have been lost, or not: both must name the same files. Those of another tree are none of them. */
function sameFiles({ tree, version }: Permit, given: HandOutOf): HandOutOf {
  if (tree === undefined || tree !== given.tree) return given;
  const { version: _version, ...others } = given;
  return { ...others, ...(version !== undefined && { version }) };
}

/** Asks again while the answer is that it cannot be told now. */
async function patiently(clock: Clock, ms: number, ask: () => Promise<HandOut>): Promise<HandOut> {
  let isOver = ms === 0;
  const patience = clock.after(ms, () => {
    isOver = true;
  });
  for (;;) {
    const given = await ask();
    if (isOver || given.kind === "permit" || !PASSING.has(given.reason)) {
      patience.cancel();
      return given;
    }
    await sleep(clock, RETRY_MS);
  }
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
