/**
 * Two servers with an etcd member each and no third machine: when one is lost, the other has no quorum, and must know by
 * itself whether it may go on alone. Pure; docs/cluster-state.md says why no two servers ever do.
 *
 * ```
 *            peer gone, router answers throughout
 *   paired --------------------------------------> sole
 *    ^  |                                            |
 *    |  +-- router lost too, or not looked --> waiting <-- a daemon that starts and was not `sole`
 *    |                                            |  |
 *    +------------- in step again ----------------+--+
 * ```
 * - `paired`: changes go by the quorum, and are acknowledged when the peer's copy has them too
 * - `sole`: changes are kept here and delivered later; the peer cannot be `sole`
 * - `waiting`: no changes: the peer may have gone on alone
 */
import type { Witness } from "./floating/advice.ts";
import { FRESH_MS } from "./members.ts";

export type PairState = "paired" | "sole" | "waiting";

/** What a server sees at one moment. */
export interface PairSight {
  /** Milliseconds of the local clock. */
  readonly at: number;
  /** Facts that wait here to be delivered. */
  readonly outbox: number;
  /** What the peer has last said of itself through the cluster. */
  readonly peer?: {
    /** Another one each time that the peer is heard through the cluster. */
    readonly revision: number;
    /** It was said within `FRESH_MS`, and this server follows the cluster. */
    readonly fresh: boolean;
    readonly outbox: number;
    /** The peer is `sole`. */
    readonly alone: boolean;
  };
  /** Is the peer heard on any heartbeat link? */
  readonly heard: "yes" | "no" | "unknown";
  /** Does the router answer? */
  readonly witness: Witness;
}

export interface PairMemory {
  readonly state: PairState;
  /** Of the sight before. */
  readonly at: number;
  readonly peerRevision: number;
  /** Since when there has been no sign of the peer. */
  readonly silentSince: number;
  /** When the router was last seen to answer, with eyes on the peer. */
  readonly witnessedAt: number;
  /** Was the router, or the view, lost at any time since there was a sign of the peer? */
  readonly isBlind: boolean;
}

/**
 * Milliseconds without a sign of the peer after which a server goes on alone. Longer than a word of the peer holds
 * (`FRESH_MS`): by the time that one goes on alone, the other does not believe any more that they are in step.
 */
export const DECIDE_MS = FRESH_MS + 500;
/** Milliseconds within which the router must be seen to answer: a dozen lost pings. */
const WITNESS_GAP_MS = 500;
/** Milliseconds between two looks, after which something may have gone unseen: this process was stopped meanwhile. */
const LOOK_GAP_MS = 1_000;

/** Of a daemon that starts. */
export function startPair(state: "sole" | "waiting", at: number): PairMemory {
  const never = Number.NEGATIVE_INFINITY;
  return { state, at, peerRevision: 0, silentSince: at, witnessedAt: never, isBlind: true };
}

export function nextPair(memory: PairMemory, sight: PairSight): PairMemory {
  const look = lookAround(memory, sight);
  return { ...look, state: inContact(sight) ? stateTogether(memory.state, sight) : stateApart(look) };
}

/** In contact, each hears what the other says. */
export function inContact({ peer }: PairSight): boolean {
  return peer?.fresh === true;
}

function lookAround(memory: PairMemory, sight: PairSight): PairMemory {
  const { at, heard, witness, peer } = sight;
  const passed = at - memory.at;
  const hasLooked = passed >= 0 && passed <= LOOK_GAP_MS && heard !== "unknown";
  const witnessedAt = witness === "yes" && hasLooked ? at : memory.witnessedAt;
  const isBlindNow = !hasLooked || at - witnessedAt > WITNESS_GAP_MS;
  const peerRevision = peer?.revision ?? memory.peerRevision;
  const hasSign = heard === "yes" || peerRevision !== memory.peerRevision;
  const silentSince = hasSign || !hasLooked ? at : memory.silentSince;
  const isBlind = isBlindNow || (memory.isBlind && !hasSign);
  return { state: memory.state, at, peerRevision, silentSince, witnessedAt, isBlind };
}

function stateTogether(state: PairState, { outbox, peer }: PairSight): PairState {
  const isInStep = outbox === 0 && peer?.outbox === 0;
  // Two that are both `sole` were told so by an operator: what each has delivered, the other has.
  if (peer?.alone) return state === "sole" && isInStep ? "paired" : state === "sole" ? "sole" : "waiting";
  return isInStep ? "paired" : state;
}

/** Whoever has not seen the router throughout may be the one that is cut off, while the peer goes on alone. */
function stateApart({ state, at, silentSince, isBlind }: PairMemory): PairState {
  if (state !== "paired") return state;
  if (isBlind) return "waiting";
  return at - silentSince >= DECIDE_MS ? "sole" : "paired";
}
