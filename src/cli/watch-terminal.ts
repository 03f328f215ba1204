/** A terminal of one's own: the other screen, raw keys, its size; put back as it was on every way out. */
import { writeSync } from "node:fs";
import process from "node:process";
import type { Clock, Timer } from "../base/clock.ts";
import { type Key, parseKeys, restKeys } from "./watch-keys.ts";
import type { Size } from "./watch-model.ts";
import { ENTER_SCREEN, LEAVE_SCREEN } from "./watch-paint.ts";

export interface Terminal {
  size(): Size;
  write(text: string): void;
  /** False while a slow terminal has not taken what was written; `onReady` tells when it has. */
  isReady(): boolean;
  /** Gives the terminal back. Safe to call twice. */
  close(): void;
}

export interface TerminalEvents {
  readonly onKey: (key: Key) => void;
  readonly onResize: () => void;
  readonly onReady: () => void;
  /** Nobody types any more: the terminal is gone. */
  readonly onEnd: () => void;
}

/** What is used of `process.stdin` and `process.stdout`. */
export interface TerminalInput extends Emitter {
  readonly isTTY?: boolean;
  setRawMode?(isRaw: boolean): unknown;
  setEncoding(encoding: "utf8"): unknown;
  resume(): unknown;
  pause(): unknown;
}

export interface TerminalOutput extends Emitter {
  readonly columns?: number;
  readonly rows?: number;
  readonly fd: number;
  readonly writableNeedDrain: boolean;
  write(text: string): unknown;
}

interface Emitter {
  on(event: string, listener: (...given: string[]) => void): unknown;
  off(event: string, listener: (...given: string[]) => void): unknown;
}

export interface TerminalEnds {
  readonly input: TerminalInput;
  readonly output: TerminalOutput;
}

/** After an escape so long without another byte it was the key, not the beginning of a sequence. */
const ESCAPE_MS = 50;

export function openTerminal({ input, output }: TerminalEnds, clock: Clock, events: TerminalEvents): Terminal {
  const { onKey, onResize, onReady, onEnd } = events;
  const onData = keyReader(clock, onKey);
  // Also the way out of an exception: by then nothing is written any more but what is written at once.
  const onExit = () => writeSync(output.fd, LEAVE_SCREEN);
  let isOpen = true;
  // Without a terminal to type at (its output alone is one) there are no keys; Ctrl-C comes as a signal.
  if (input.isTTY) input.setRawMode?.(true);
  input.setEncoding("utf8");
  input.on("data", onData);
  input.on("end", onEnd);
  input.resume();
  output.on("resize", onResize);
  output.on("drain", onReady);
  process.on("exit", onExit);
  output.write(ENTER_SCREEN);
  return {
    size: () => ({ columns: output.columns || 80, rows: output.rows || 24 }),
    write: (text) => void (isOpen && output.write(text)),
    isReady: () => !output.writableNeedDrain,
    close() {
      if (!isOpen) return;
      isOpen = false;
      process.off("exit", onExit);
      input.off("data", onData);
      input.off("end", onEnd);
      input.pause();
      output.off("resize", onResize);
      output.off("drain", onReady);
      if (input.isTTY) input.setRawMode?.(false);
      output.write(LEAVE_SCREEN);
    },
  };
}

function keyReader(clock: Clock, onKey: (key: Key) => void): (chunk: string) => void {
  let rest = "";
  let timer: Timer | undefined;
  return (chunk) => {
    timer?.cancel();
    const parsed = parseKeys(rest + chunk);
    rest = parsed.rest;
    for (const key of parsed.keys) onKey(key);
    if (rest === "") return;
    timer = clock.after(ESCAPE_MS, () => {
      const keys = restKeys(rest);
      rest = "";
      for (const key of keys) onKey(key);
    });
  };
}
