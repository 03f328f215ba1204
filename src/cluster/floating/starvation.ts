/**
 * Tells a daemon that gives no sign of life because it gets no processor from one that is frozen or stuck: the first is
 * not helped by moving its addresses to a machine that may be as busy, and comes back by itself.
 */
import { readFileSync } from "node:fs";

/** The main thread of a process. */
export interface ThreadLook {
  /** It runs, or waits for a processor (`R` in proc(5)). */
  readonly runnable: boolean;
  /** Milliseconds that it has run since its start. */
  readonly ranMs: number;
}

/** Milliseconds in which a thread shows what it does with the processor. */
const SHOWN_MS = 100;
/** A thread that runs for more than this share of the time has the processor. */
const BUSY_SHARE = 0.6;

export class Starvation {
  private readonly look: () => ThreadLook | undefined;
  private since: { readonly at: number; readonly ranMs: number } | undefined;

  constructor(look: () => ThreadLook | undefined) {
    this.look = look;
  }

  /** A sign of life came. */
  over(): void {
    this.since = undefined;
  }

  /** Would the silent daemon go on if it got a processor? Ask every few milliseconds of its silence, `now` steadily. */
  isStarved(now: number): boolean {
    const seen = this.look();
    if (!seen?.runnable) return false;
    this.since ??= { at: now, ranMs: seen.ranMs };
    const passed = now - this.since.at;
    return passed < SHOWN_MS || seen.ranMs - this.since.ranMs < BUSY_SHARE * passed;
  }
}

/** By proc(5); undefined where there is no such process, or no such file system. */
export function lookAtThread(pid: number): ThreadLook | undefined {
  const folder = `/proc/${pid}/task/${pid}`;
  try {
    return parseThread(readFileSync(`${folder}/stat`, "utf8"), readFileSync(`${folder}/schedstat`, "utf8"));
  } catch {
    return undefined;
  }
}

/** `stat`: the state is the first field after the name, which stands in brackets and may hold any character. */
export function parseThread(stat: string, schedstat: string): ThreadLook {
  const state = stat.slice(stat.lastIndexOf(")") + 2)[0];
  return { runnable: state === "R", ranMs: Number(schedstat.split(" ")[0]) / 1e6 };
}
