/** Keys from what a terminal in raw mode sends. Pure. */

export type KeyName =
  | "up"
  | "down"
  | "left"
  | "right"
  | "page-up"
  | "page-down"
  | "home"
  | "end"
  | "enter"
  | "escape"
  | "backspace"
  | "interrupt"
  | "redraw";

/** `text` of a printable character; a named key has none. */
export type Key = { readonly name: KeyName } | { readonly text: string };

export interface ParsedKeys {
  readonly keys: readonly Key[];
  /** The beginning of a key that is not complete: to be put before what comes next. */
  readonly rest: string;
}

const ESCAPE = "\u001b";

/** CSI and SS3 sequences (ECMA-48 section 5.4; the final characters as in xterm's ctlseqs, "PC-Style Function Keys"). */
const BY_FINAL: Readonly<Record<string, KeyName>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  H: "home",
  F: "end",
};
/** `CSI number ~`; 7 and 8 are rxvt's. */
const BY_NUMBER: Readonly<Record<string, KeyName>> = {
  "1": "home",
  "4": "end",
  "5": "page-up",
  "6": "page-down",
  "7": "home",
  "8": "end",
};
const BY_CONTROL: Readonly<Record<string, KeyName>> = {
  "\u0003": "interrupt",
  "\u0008": "backspace",
  "\u000c": "redraw",
  "\r": "enter",
  "\n": "enter",
  "\u007f": "backspace",
};

/** A lone escape at the end may be the key or the beginning of a sequence: it is left in `rest`, see `restKeys`. */
export function parseKeys(text: string): ParsedKeys {
  const keys: Key[] = [];
  let place = 0;
  while (place < text.length) {
    const sequence = text[place] === ESCAPE ? takeSequence(text, place) : takeCharacter(text, place);
    if (sequence === undefined) return { keys, rest: text.slice(place) };
    if (sequence.key) keys.push(sequence.key);
    place = sequence.end;
  }
  return { keys, rest: "" };
}

/** What `rest` was, when nothing has come after it for a moment. */
export function restKeys(rest: string): readonly Key[] {
  return rest === ESCAPE ? [{ name: "escape" }] : [];
}

interface Taken {
  /** Absent = a key that means nothing here. */
  readonly key?: Key;
  readonly end: number;
}

function takeCharacter(text: string, place: number): Taken {
  const character = String.fromCodePoint(text.codePointAt(place) ?? 0);
  const name = BY_CONTROL[character];
  const end = place + character.length;
  if (name !== undefined) return { key: { name }, end };
  return /\p{Cc}/u.test(character) ? { end } : { key: { text: character }, end };
}

/** Undefined when it is not complete. */
function takeSequence(text: string, place: number): Taken | undefined {
  const next = text[place + 1];
  if (next === undefined) return undefined;
  // Two escapes, or an escape before another character, are the key and then that one.
  if (next !== "[" && next !== "O") return { key: { name: "escape" }, end: place + 1 };
  const found = /^[\x20-\x3f]*([\x40-\x7e])/.exec(text.slice(place + 2));
  const [all = "", final = ""] = found ?? [];
  if (!found) return isUnfinished(text.slice(place + 2)) ? undefined : { key: { name: "escape" }, end: place + 2 };
  const name = final === "~" ? BY_NUMBER[all.slice(0, -1).split(";")[0] ?? ""] : BY_FINAL[final];
  return { ...(name !== undefined && { key: { name } }), end: place + 2 + all.length };
}

function isUnfinished(parameters: string): boolean {
  return /^[\x20-\x3f]*$/.test(parameters);
}
