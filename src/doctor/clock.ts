/** Is this machine's clock kept right, and are the servers' clocks alike? */
import { loadLibc } from "../net/libc.ts";
import { ANSWER_MS, askHttp, inTime } from "./ask-http.ts";
import { type Check, peersOf, type ServerScene } from "./check.ts";
import { type Finding, finding } from "./findings.ts";

/** `undefined` = not known. */
export interface ClockFacts {
  readonly isKept: boolean | undefined;
  readonly offsets: readonly ClockOffset[];
}

export interface ClockOffset {
  readonly server: string;
  /** Milliseconds by which the other clock is ahead of this one. */
  readonly ahead: number;
  /** Milliseconds by which that may be wrong. */
  readonly doubt: number;
}

/** Beyond what two kept clocks ever have between them. */
const DIFFERS_MS = 2000;
/** What judges by time goes wrong then: permits, certificates, a Release file's Valid-Until. */
const FAR_MS = 5 * 60_000;

export const clockCheck: Check = {
  name: "clock",
  of: "server",
  look: async (scene, signal) => {
    const offsets = await Promise.all(peersOf(scene).map((peer) => offsetOf(scene, peer.name, signal)));
    return judgeClock({ isKept: await isKept(), offsets: offsets.flatMap((each) => each ?? []) });
  },
};

export function judgeClock({ isKept, offsets }: ClockFacts): readonly Finding[] {
  const unkept = isKept === false ? [finding("clock-unkept", {}, "adjtimex(2) says TIME_ERROR")] : [];
  const differing = offsets.flatMap(({ server, ahead, doubt }) => {
    const least = Math.abs(ahead) - doubt;
    if (least <= DIFFERS_MS) return [];
    const offset = `${spanText(Math.abs(ahead))} ${ahead > 0 ? "ahead of" : "behind"}`;
    const evidence = "by the Date of its HTTP answer";
    return [finding(least > FAR_MS ? "clock-far" : "clock-differs", { server, offset }, evidence)];
  });
  return [...unkept, ...differing];
}

function spanText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** By the Date header, which has whole seconds: on the average it is half a second late. */
async function offsetOf({ site, clock }: ServerScene, name: string, signal: AbortSignal) {
  const server = site.servers.get(name);
  if (!server) return undefined;
  const asked = clock.now();
  const answer = await askHttp(`http://${server.address}:${server.httpPort}/`, "HEAD", inTime(signal)).catch(
    () => undefined,
  );
  const date = Date.parse(String(answer?.headers.date));
  const answered = clock.now();
  if (Number.isNaN(date) || answered - asked > ANSWER_MS) return undefined;
  return { server: name, ahead: date + 500 - (asked + answered) / 2, doubt: 500 + (answered - asked) / 2 };
}

/** Bytes of struct timex on 64-bit Linux. */
const TIMEX_BYTES = 208;
/** What adjtimex(2) gives while nothing keeps the clock. */
const TIME_ERROR = 5;

/** `undefined` where the kernel cannot be asked. */
async function isKept(): Promise<boolean | undefined> {
  try {
    const checked = await loadLibc();
    // All zero: nothing is set.
    return checked("adjtimex", "int adjtimex(void *)")(new Uint8Array(TIMEX_BYTES)) !== TIME_ERROR;
  } catch {
    return undefined;
  }
}
