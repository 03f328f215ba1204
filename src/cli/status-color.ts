/** Colours of the terminal: SGR codes (ECMA-48 section 8.3.117). Pure. */
import type { HostState } from "../cluster/status.ts";

export const BOLD = 1;
export const DIM = 2;
export const REVERSE = 7;
export const RED = 31;
export const GREEN = 32;
export const YELLOW = 33;
export const BLUE = 34;
export const CYAN = 36;

export const STATE_COLORS: Readonly<Record<HostState, number>> = {
  idle: DIM,
  permitted: CYAN,
  booting: YELLOW,
  installing: BLUE,
  stalled: RED,
  installed: GREEN,
  verified: GREEN,
  differs: RED,
  failed: RED,
  expired: RED,
  local: DIM,
};

/** States in which somebody has to do something, most urgent first. */
export const TROUBLED: readonly HostState[] = ["failed", "stalled", "differs", "expired"];

export function isTroubled(state: HostState): boolean {
  return TROUBLED.includes(state);
}

export function colored(text: string, code: number): string {
  return `\u001b[${code}m${text}\u001b[0m`;
}

/** Colours are for terminals, and only for people who want them (no-color.org). */
export function wantsColor(io: {
  readonly terminal: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}): boolean {
  return io.terminal && (io.env.NO_COLOR ?? "") === "" && io.env.TERM !== "dumb";
}
