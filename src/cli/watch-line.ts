/** Lines of a screen as pieces with a style each, so that colour codes never count as width. Pure. */
import { colored } from "./status-color.ts";
import { cutText, textWidth } from "./status-width.ts";

export interface Span {
  readonly text: string;
  /** SGR code; absent = as the terminal is. */
  readonly style?: number;
}

export type Line = readonly Span[];

export function plain(text: string): Line {
  return [{ text }];
}

export function styled(text: string, style: number): Line {
  return [{ text, style }];
}

export function lineText(line: Line): string {
  return line.map(({ text }) => text).join("");
}

/** At most `width` columns. */
export function cutLine(line: Line, width: number): Line {
  const cut: Span[] = [];
  let room = width;
  for (const span of line) {
    if (room <= 0) break;
    const text = cutText(span.text, room);
    cut.push({ ...span, text });
    room -= textWidth(text);
    if (text !== span.text) break;
  }
  return cut;
}

/** With colour codes, or without. */
export function paintLine(line: Line, color: boolean): string {
  return line.map(({ text, style }) => (color && style !== undefined ? colored(text, style) : text)).join("");
}
