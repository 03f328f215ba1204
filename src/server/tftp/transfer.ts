/**
 * Sending one file, as a pure state machine: (state, event) -> (state, action). Blocks are counted from 1 without
 * wrapping; the OACK is block 0, since the client acknowledges it as that (RFC 2347).
 */
import type { Terms } from "./negotiate.ts";
import { backedOff, type RoundTrip, recovered, sampled } from "./round-trip.ts";

export interface TransferState {
  /** The one that is shorter than the others, or empty. */
  readonly lastBlock: number;
  readonly windowSize: number;
  /** Milliseconds to wait after the first sending of a window and after each repetition; after the last one it fails. */
  readonly waits: readonly number[];
  /** The client set the waits (RFC 2349): they are kept exactly. */
  readonly isAgreed: boolean;
  /** First block of all: 0 when the transfer begins with an OACK. */
  readonly firstBlock: number;
  /** All blocks up to here have arrived. */
  readonly acked: number;
  readonly sent: number;
  /** Repetitions since the last progress. */
  readonly repeats: number;
  /** Of the last sending. */
  readonly sentAt: number;
  /** Nothing of the last sending had been sent before: its answer tells the round trip. */
  readonly isFirst: boolean;
  /** Blocks before the last sending went out more than once: the client may yet acknowledge the repetition too. */
  readonly isAfterRepetition: boolean;
  /** Unknown until an answer came to a first sending. */
  readonly roundTrip: RoundTrip | undefined;
  /** Whether an ACK says that a block of the window is lost, and whether it has been sent again for that. */
  readonly gap: "none" | "suspected" | "resent";
  /** Windows to come in which a gap is left to fill itself: the network was seen to double or swap packets. */
  readonly careful: number;
}

/** Times are milliseconds of the same clock as `startTransfer` was given; fractions count. */
export type TransferEvent =
  /** `block` as on the wire, 0 to 65535. */
  | { readonly kind: "ack"; readonly block: number; readonly at: number }
  /** The wait of the last action is over. */
  | { readonly kind: "timeout"; readonly at: number }
  /** The client has sent its request again: it has heard nothing yet. */
  | { readonly kind: "request"; readonly at: number };

export type TransferAction =
  /** Send these blocks, both ends included; afterwards a timeout event is due in `wait` milliseconds. */
  | { readonly kind: "send"; readonly first: number; readonly last: number; readonly wait: number }
  /** The timeout event is now due in `wait` milliseconds. */
  | { readonly kind: "wait"; readonly wait: number }
  | { readonly kind: "ignore" }
  | { readonly kind: "done" }
  /** The client has been silent through all repetitions. */
  | { readonly kind: "fail" };

export interface Step {
  readonly state: TransferState;
  readonly action: TransferAction;
}

/** 31.75 s in all: as patient as the most patient loader (GRUB 2.12); the first step is iPXE's. */
const DEFAULT_WAITS: readonly number[] = [250, 500, 1000, 2000, 4000, 8000, 8000, 8000];
const PATIENCE_SECONDS = 32;
const MIN_SENDINGS = 4;
/** Milliseconds that a gap is left to fill itself. */
const SETTLE = { min: 10, max: 1000 } as const;
const CAREFUL_WINDOWS = 64;
const IGNORE: TransferAction = { kind: "ignore" };

export function startTransfer(terms: Terms, size: number, at: number): Step {
  return send(initial(terms, size, terms.accepted.length > 0 ? 0 : 1, at), at);
}

/** Goes on where another server left off: the client has acknowledged the blocks up to `acked`. */
export function resumeTransfer(terms: Terms, size: number, acked: number, at: number): Step {
  const state: TransferState = { ...initial(terms, size, 0, at), acked, sent: acked };
  return acked === state.lastBlock ? { state, action: { kind: "done" } } : send(state, at);
}

function initial(terms: Terms, size: number, firstBlock: number, at: number): TransferState {
  return {
    lastBlock: Math.floor(size / terms.blockSize) + 1,
    windowSize: terms.windowSize,
    waits: terms.timeout === undefined ? DEFAULT_WAITS : steadyWaits(terms.timeout),
    isAgreed: terms.timeout !== undefined,
    firstBlock,
    acked: firstBlock - 1,
    sent: firstBlock - 1,
    repeats: 0,
    sentAt: at,
    isFirst: true,
    isAfterRepetition: false,
    roundTrip: undefined,
    gap: "none",
    careful: 0,
  };
}

export function step(state: TransferState, event: TransferEvent): Step {
  switch (event.kind) {
    case "ack":
      return onAck(state, event.block, event.at);
    case "timeout":
      return onTimeout(state, event.at);
    case "request":
      return isFresh(state) ? send(state, event.at) : ignored(state);
  }
}

/** True until the client has acknowledged anything. */
export function isFresh(state: TransferState): boolean {
  return state.acked < state.firstBlock;
}

/** Does an ACK of this block, 0 to 65535 as on the wire, fall among those that wait for one? Else it is late, or of none. */
export function isSent(state: TransferState, wireBlock: number): boolean {
  return blockOf(state, wireBlock) <= state.sent;
}

function blockOf({ acked }: TransferState, wireBlock: number): number {
  return acked + ((wireBlock - acked) & 0xffff);
}

function onAck(state: TransferState, wireBlock: number, at: number): Step {
  const block = blockOf(state, wireBlock);
  if (block > state.sent) return ignored(state);
  if (block === state.acked) return onRepeatedAck(state, at);
  const progress = advanced(state, block, at);
  if (block === state.lastBlock) return { state: progress, action: { kind: "done" } };
  if (block === state.sent) return send(progress, at);
  if (state.gap === "resent" && isEcho(state, at)) return ignored({ ...progress, gap: "resent", ...CAREFUL });
  return onGap(progress, isTrusted(state), at);
}

function advanced(state: TransferState, block: number, at: number): TransferState {
  const isAnswer = state.isFirst && block === state.sent;
  return {
    ...state,
    acked: block,
    repeats: 0,
    roundTrip: isAnswer ? sampled(state.roundTrip, at - state.sentAt) : afterLoss(state, block),
    gap: state.gap === "suspected" ? "suspected" : "none",
    careful: isAnswer && state.careful > 0 ? state.careful - 1 : state.careful,
  };
}

function afterLoss({ roundTrip, sent }: TransferState, block: number): RoundTrip | undefined {
  return roundTrip && block < sent ? recovered(roundTrip) : roundTrip;
}

const CAREFUL = { careful: CAREFUL_WINDOWS } as const;

/** Sooner than any answer can be: the ACK was on its way when the last sending began. */
function isEcho({ roundTrip, sentAt }: TransferState, at: number): boolean {
  return roundTrip !== undefined && at - sentAt < roundTrip.least / 2;
}

/**
 * The one that made the last sending go out comes again. With windows it tells that the first block is lost; but if it
 * comes too soon for that, it was doubled on its way, and blocks will be too. After a repetition it may also be what the
 * client says to blocks that it has already (atftp 0.8): to answer that at once would repeat every window from then on.
 */
function onRepeatedAck(state: TransferState, at: number): Step {
  if (state.windowSize === 1 || state.gap !== "none" || isFresh(state)) return ignored(state);
  if (isEcho(state, at)) return ignored({ ...state, ...CAREFUL });
  return onGap(state, isTrusted(state) && state.isFirst && !state.isAfterRepetition, at);
}

/** Does an ACK short of the window's end mean a loss? The network is known, and neither doubles nor swaps packets. */
function isTrusted({ roundTrip, careful }: TransferState): boolean {
  return roundTrip !== undefined && careful === 0;
}

/**
 * An ACK short of the window's end tells that the block after it is lost, and the window starts anew from there (RFC
 * 7440 section 4), once for the same block: clients that acknowledge every block they do not expect (EDK II) would else
 * make it start anew for each, and double the traffic for good, the Sorcerer's Apprentice (RFC 1123 section 4.2.3.1).
 * Where such an ACK may mean something else, the gap is first given time to fill.
 */
function onGap(state: TransferState, isSure: boolean, at: number): Step {
  if (state.windowSize === 1 || state.gap !== "none") return ignored(state);
  if (isSure) return send({ ...state, gap: "resent" }, at);
  return { state: { ...state, gap: "suspected" }, action: { kind: "wait", wait: settleTime(state) } };
}

/** Twice the least round trip. */
function settleTime({ roundTrip }: TransferState): number {
  return Math.min(Math.max(2 * (roundTrip?.least ?? 0), SETTLE.min), SETTLE.max);
}

function onTimeout(state: TransferState, at: number): Step {
  if (state.gap === "suspected") return send({ ...state, gap: "resent" }, at);
  if (state.repeats + 1 >= sendings(state)) return { state, action: { kind: "fail" } };
  const roundTrip = state.roundTrip && state.repeats === 0 ? backedOff(state.roundTrip) : state.roundTrip;
  return send({ ...state, roundTrip, repeats: state.repeats + 1 }, at);
}

/** The window after the last block acknowledged; an OACK goes alone. */
function send(state: TransferState, at: number): Step {
  const first = state.acked + 1;
  const last = first === 0 ? 0 : Math.min(state.acked + state.windowSize, state.lastBlock);
  const isFirst = first > state.sent;
  const flags = { isFirst, isAfterRepetition: isFirst && !state.isFirst };
  const sending = { ...state, ...flags, sent: last, sentAt: at, gap: isFirst ? "none" : state.gap };
  return { state: sending, action: { kind: "send", first, last, wait: waitOf(state) } };
}

/**
 * Where the round trip is known, one repetition more goes out before the usual ones, which keep their time: a lost
 * packet then costs what the network needs, not what the slowest loader may.
 */
function waitOf({ waits, repeats, roundTrip, isAgreed }: TransferState): number {
  if (isAgreed || roundTrip === undefined) return waits[repeats] ?? 0;
  const [first = 0] = waits;
  const patience = Math.min(roundTrip.patience, first);
  if (repeats === 0) return patience;
  return repeats === 1 ? Math.max(first - patience, patience) : (waits[repeats - 1] ?? 0);
}

function sendings({ waits, roundTrip, isAgreed }: TransferState): number {
  return isAgreed || roundTrip === undefined ? waits.length : waits.length + 1;
}

/** A timeout that client and server agreed on is kept exactly (RFC 2349). */
function steadyWaits(seconds: number): number[] {
  const count = Math.max(MIN_SENDINGS, Math.ceil(PATIENCE_SECONDS / seconds));
  return Array.from({ length: count }, () => seconds * 1000);
}

function ignored(state: TransferState): Step {
  return { state, action: IGNORE };
}
