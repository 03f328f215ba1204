/**
 * Sending one file, as a pure state machine: (state, event) -> (state, action). Blocks are counted from 1 without
 * wrapping; the OACK is block 0, since the client acknowledges it as that (RFC 2347).
 */
import type { Terms } from "./negotiate.ts";

export interface TransferState {
  /** The one that is shorter than the others, or empty. */
  readonly lastBlock: number;
  readonly windowSize: number;
  /** Milliseconds to wait after the first sending of a window and after each repetition; after the last one it fails. */
  readonly waits: readonly number[];
  /** First block of all: 0 when the transfer begins with an OACK. */
  readonly firstBlock: number;
  /** All blocks up to here have arrived. */
  readonly acked: number;
  readonly sent: number;
  /** Repetitions since the last progress. */
  readonly repeats: number;
  /** Whether an ACK says that a block of the window is lost, and whether it has been sent again for that. */
  readonly gap: "none" | "suspected" | "resent";
  /** Milliseconds that a suspected gap is left to fill itself. */
  readonly settle: number;
  readonly startedAt: number;
}

/** Times are milliseconds of the same clock as `startTransfer` was given. */
export type TransferEvent =
  /** `block` as on the wire, 0 to 65535. */
  | { readonly kind: "ack"; readonly block: number; readonly at: number }
  /** The wait of the last action is over. */
  | { readonly kind: "timeout" }
  /** The client has sent its request again: it has heard nothing yet. */
  | { readonly kind: "request" };

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
const SETTLE = { min: 10, max: 1000 } as const;

export function startTransfer(terms: Terms, size: number, at: number): Step {
  const firstBlock = terms.accepted.length > 0 ? 0 : 1;
  return send({
    lastBlock: Math.floor(size / terms.blockSize) + 1,
    windowSize: terms.windowSize,
    waits: terms.timeout === undefined ? DEFAULT_WAITS : steadyWaits(terms.timeout),
    firstBlock,
    acked: firstBlock - 1,
    sent: firstBlock - 1,
    repeats: 0,
    gap: "none",
    settle: SETTLE.min,
    startedAt: at,
  });
}

/** Goes on where another server left off: the client has acknowledged the blocks up to `acked`. */
export function resumeTransfer(terms: Terms, size: number, acked: number, at: number): Step {
  const { state } = startTransfer(terms, size, at);
  const resumed: TransferState = { ...state, firstBlock: 0, acked, sent: acked };
  return acked === state.lastBlock ? { state: resumed, action: { kind: "done" } } : send(resumed);
}

export function step(state: TransferState, event: TransferEvent): Step {
  switch (event.kind) {
    case "ack":
      return onAck(state, event.block, event.at);
    case "timeout":
      return onTimeout(state);
    case "request":
      return isFresh(state) ? send(state) : { state, action: { kind: "ignore" } };
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
  if (!isSent(state, wireBlock)) return { state, action: { kind: "ignore" } };
  const block = blockOf(state, wireBlock);
  if (block === state.acked) return suspectGap(state);
  const progress: TransferState = {
    ...state,
    acked: block,
    repeats: 0,
    gap: state.gap === "suspected" ? "suspected" : "none",
    settle: block === 0 ? settleTime(at - state.startedAt) : state.settle,
  };
  if (block === state.lastBlock) return { state: progress, action: { kind: "done" } };
  return block === state.sent ? send(progress) : suspectGap(progress);
}

/**
 * An ACK short of the window's end tells that the block after it is lost, and the window starts anew from there (RFC
 * 7440 section 4). It may also be a duplicate, or be about blocks that are just late. Answering each of those with a
 * window doubles the traffic for good with clients that acknowledge every block they do not expect (EDK II): the
 * Sorcerer's Apprentice (RFC 1123 section 4.2.3.1). So it waits a round trip for the gap to fill, and starts anew for
 * the same block once; after that the ordinary timeout counts.
 */
function suspectGap(state: TransferState): Step {
  if (state.windowSize === 1 || state.gap !== "none") return { state, action: { kind: "ignore" } };
  return { state: { ...state, gap: "suspected" }, action: { kind: "wait", wait: state.settle } };
}

function onTimeout(state: TransferState): Step {
  if (state.gap === "suspected") return send({ ...state, gap: "resent" });
  if (state.repeats + 1 >= state.waits.length) return { state, action: { kind: "fail" } };
  return send({ ...state, repeats: state.repeats + 1 });
}

/** The window after the last block acknowledged; an OACK goes alone. */
function send(state: TransferState): Step {
  const first = state.acked + 1;
  const last = first === 0 ? 0 : Math.min(state.acked + state.windowSize, state.lastBlock);
  const gap = first > state.sent ? "none" : state.gap;
  return {
    state: { ...state, sent: last, gap },
    action: { kind: "send", first, last, wait: state.waits[state.repeats] ?? 0 },
  };
}

/** A timeout that client and server agreed on is kept exactly (RFC 2349). */
function steadyWaits(seconds: number): number[] {
  const sendings = Math.max(MIN_SENDINGS, Math.ceil(PATIENCE_SECONDS / seconds));
  return Array.from({ length: sendings }, () => seconds * 1000);
}

/** Twice the round trip of the OACK; windows are only used after an OACK. */
function settleTime(roundTrip: number): number {
  return Math.min(Math.max(2 * roundTrip, SETTLE.min), SETTLE.max);
}
