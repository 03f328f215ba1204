/** Asking a person at the terminal. */
import process from "node:process";
import { createInterface } from "node:readline/promises";
import type { Io } from "./command.ts";

/** `undefined` = nobody is there. */
export type Confirm = (question: string, io: Io) => Promise<boolean | undefined>;

/** Anything but `y` and `yes` is a no. */
export const confirmOnTerminal: Confirm = async (question, io) => {
  if (!process.stdin.isTTY || !io.terminal) return undefined;
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await lines.question(question, { signal: io.signal })).trim());
  } catch {
    return false;
  } finally {
    lines.close();
  }
};
