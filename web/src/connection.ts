/** Holds the stream of the API open: begins anew when it ends or falls silent, and says how things stand. */
import type { Clock, Timer } from "../../src/base/clock.ts";
import { createStreamParser, type StreamMessage } from "../../src/cli/daemon-stream-parse.ts";

/**
 * - `connecting`: the first time; nothing is known yet
 * - `live`: what is known is of now
 * - `lost`: what is known is of `since`, in milliseconds of the clock; tried again by itself
 * - `refused`: not logged in
 */
export type ConnectionState =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | { readonly kind: "lost"; readonly since: number }
  | { readonly kind: "refused" };

export interface ConnectionOptions {
  readonly open: (signal: AbortSignal) => Promise<Response>;
  readonly clock: Clock;
  readonly onEvent: (event: StreamMessage) => void;
  readonly onState: (state: ConnectionState) => void;
}

/** Milliseconds. The server speaks each second; TCP alone would notice a dead one after minutes. */
export const SILENCE = 8_000;
/** Milliseconds before each try; the last one holds. */
export const DELAYS = [500, 1_000, 2_000, 5_000] as const;

/** Returns what ends it. */
export function connect(options: ConnectionOptions): () => void {
  const { clock, onState } = options;
  let ending = new AbortController();
  let isOver = false;
  let retry: Timer | undefined;
  let tries = 0;
  /** When something was heard last; undefined = never. */
  let heard: number | undefined;
  let state: ConnectionState["kind"] = "connecting";

  function show(next: ConnectionState): void {
    // A later failure does not make old facts younger.
    if (next.kind === state) return;
    state = next.kind;
    onState(next);
  }

  function onEvent(event: StreamMessage): void {
    tries = 0;
    heard = clock.now();
    options.onEvent(event);
    show({ kind: "live" });
  }

  async function run(): Promise<void> {
    ending = new AbortController();
    const { signal } = ending;
    const refused = await readStream(options, ending, onEvent).catch(() => false);
    if (isOver || signal !== ending.signal) return;
    if (refused) return show({ kind: "refused" });
    if (heard !== undefined) show({ kind: "lost", since: heard });
    retry = clock.after(DELAYS[Math.min(tries, DELAYS.length - 1)] ?? 0, () => void run());
    tries += 1;
  }

  onState({ kind: "connecting" });
  void run();
  return () => {
    isOver = true;
    retry?.cancel();
    ending.abort();
  };
}

/** Resolves when the stream has ended: true = the server wants a log-in. Rejects when it broke or fell silent. */
async function readStream(
  { open, clock }: ConnectionOptions,
  ending: AbortController,
  onEvent: (event: StreamMessage) => void,
): Promise<boolean> {
  let watch = clock.after(SILENCE, () => ending.abort());
  try {
    const response = await untilAborted(open(ending.signal), ending.signal);
    if (response.status === 401) return true;
    if (!response.ok || response.body === null) return false;
    const events = createStreamParser();
    const pieces = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await untilAborted(pieces.read(), ending.signal);
      if (done) return false;
      watch.cancel();
      watch = clock.after(SILENCE, () => ending.abort());
      for (const event of events.push(value)) onEvent(event);
    }
  } finally {
    watch.cancel();
    ending.abort();
  }
}

/** A read may hang although its signal has come. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    work.then(resolve, reject);
  });
}
