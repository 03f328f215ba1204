/** One watch on a terminal: what the daemon tells and what is typed become screens. */
import type { Clock, Timer } from "../base/clock.ts";
import { type HostDetail, newWatch, type WatchState } from "./watch-model.ts";
import { createPainter } from "./watch-paint.ts";
import { screenLines } from "./watch-screen.ts";
import type { Terminal, TerminalEvents } from "./watch-terminal.ts";
import { type Action, update } from "./watch-update.ts";

export interface SessionOptions {
  readonly clock: Clock;
  readonly color: boolean;
  readonly only: readonly string[];
  readonly openTerminal: (events: TerminalEvents) => Terminal;
  /** What there is of one host. */
  readonly askDetail: (host: string) => Promise<HostDetail>;
}

export interface Session {
  act(action: Action): void;
  /** Resolves when the operator has had enough, or the terminal is gone. */
  readonly over: Promise<void>;
  close(): void;
}

/** Changes that come together are one screen. */
const PAINT_MS = 50;
/** Times that are told grow older by themselves; an open host is asked for anew. */
const TICK_MS = 1_000;

export function startSession(options: SessionOptions): Session {
  const { clock, only, color, openTerminal, askDetail } = options;
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  const painter = createPainter(color);
  const terminal = openTerminal({
    onKey: (key) => {
      if ("name" in key && key.name === "redraw") painter.forget();
      act({ kind: "key", key });
    },
    onResize: () => act({ kind: "resize", size: terminal.size() }),
    onReady: () => paintSoon(),
    onEnd: () => end(),
  });
  let state: WatchState = newWatch(terminal.size(), only);
  let painting: Timer | undefined;
  let ticking: Timer = clock.after(TICK_MS, tick);
  let isAsking = false;

  function act(action: Action): void {
    const { open } = state;
    state = update(state, action);
    if (state.isOver) end();
    if (state.open !== undefined && state.open !== open) void refreshDetail();
    // What is typed is seen at once.
    if (action.kind === "key") paint();
    else paintSoon();
  }

  function paintSoon(): void {
    painting ??= clock.after(PAINT_MS, paint);
  }

  function paint(): void {
    painting?.cancel();
    painting = undefined;
    // A terminal that is behind gets the newest screen when it can take one, not all those in between.
    if (terminal.isReady()) terminal.write(painter.paint(screenLines(state, clock.now()), state.size));
  }

  function tick(): void {
    ticking = clock.after(TICK_MS, tick);
    paintSoon();
    void refreshDetail();
  }

  async function refreshDetail(): Promise<void> {
    const host = state.open;
    if (host === undefined || isAsking) return;
    isAsking = true;
    // A daemon that is away is told by the stream.
    const detail = await askDetail(host).catch(() => undefined);
    isAsking = false;
    if (detail && state.open === host) act({ kind: "detail", detail });
    else if (state.open !== host) void refreshDetail();
  }

  paint();
  return {
    act,
    over,
    close() {
      painting?.cancel();
      ticking.cancel();
      terminal.close();
    },
  };
}
