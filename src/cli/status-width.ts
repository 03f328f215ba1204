/** How wide text is on a terminal, and text cut to a width. Pure. All widths are columns. */

/**
 * Marks, joiners and variation selectors stand on the character before them. Wide: East Asian blocks of Unicode's
 * EastAsianWidth.txt (W and F), and what is shown as a picture. Of a sequence that terminals may draw as one picture
 * each part counts: a line may come out too short, never too long.
 */
const NO_WIDTH = /[\p{M}\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]/u;
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1b000}-\u{1b2ff}\u{1f300}-\u{1f64f}\u{1f680}-\u{1faff}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]/u;
const PLAIN = /^[\x20-\x7e]*$/;

/** Of text without control characters. */
export function textWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

function characterWidth(character: string): number {
  if (NO_WIDTH.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

const CUT = "..";

/** At most `width` wide; what was cut ends in two dots. */
export function cutText(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  return width <= CUT.length ? firstColumns(text, width) : firstColumns(text, width - CUT.length) + CUT;
}

/** Exactly `width` wide: cut, or filled with blanks on the other side. */
export function fitText(text: string, width: number, side: "left" | "right" = "left"): string {
  const cut = cutText(text, width);
  const blanks = " ".repeat(Math.max(0, width - textWidth(cut)));
  return side === "left" ? cut + blanks : blanks + cut;
}

/** Lines of at most `width`, broken at blanks where there are any; later lines begin with `indent`. */
export function wrapText(text: string, width: number, indent = ""): string[] {
  const lines: string[] = [];
  let rest = text;
  while (textWidth(rest) > width) {
    const fitting = firstColumns(rest, Math.max(1, width)) || [...rest][0] || "";
    const blank = rest[fitting.length] === " " ? fitting.length : fitting.lastIndexOf(" ");
    const lead = fitting.length - fitting.trimStart().length;
    const end = blank > lead ? blank : fitting.length;
    lines.push(rest.slice(0, end).trimEnd());
    const next = rest.slice(end).trimStart();
    // An indent that leaves no room for text would never come to an end.
    rest = next !== "" && indent.length < width / 2 ? indent + next : next;
  }
  return rest === "" && lines.length > 0 ? lines : [...lines, rest];
}

function firstColumns(text: string, width: number): string {
  let end = 0;
  let used = 0;
  for (const character of text) {
    used += characterWidth(character);
    if (used > width) break;
    end += character.length;
  }
  return text.slice(0, end);
}

/** Machines' own words must not steer the terminal: control characters, and marks that turn the direction of text. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, " ");
}
