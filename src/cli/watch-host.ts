/** One host's own view in the watch. Pure. */
import { BOLD, DIM, RED, STATE_COLORS } from "./status-color.ts";
import { hostText } from "./status-text.ts";
import { printable, wrapText } from "./status-width.ts";
import { type Line, plain, styled } from "./watch-line.ts";
import type { WatchState } from "./watch-model.ts";

/** All its lines, of which a screen shows a part. `now` on the daemon's clock. */
export function hostLines({ open = "", detail, size }: WatchState, now: number): readonly Line[] {
  if (detail?.status.host !== open) return [plain(`${open}: asking the daemon ...`)];
  const { status, log } = detail;
  const [title = "", ...rest] = hostText(status, { now, color: false });
  const wrap = (text: string, indent: string) => wrapText(text, size.columns, indent);
  return [
    ...wrap(title, "  ").map((text) => styled(text, STATE_COLORS[status.state])),
    ...rest.flatMap((text) => wrap(text, " ".repeat(14)).map((part) => styleOf(text, part))),
    ...(log.length === 0 ? [] : [plain(""), styled("installer's log", BOLD)]),
    ...log.map((text) => styled(printable(text), DIM)),
  ];
}

/** What is wrong stands out; told by its label in `hostText`. */
function styleOf(text: string, part: string): Line {
  return /^ {4}(what|evidence|to do)/.test(text) ? styled(part, RED) : plain(part);
}
