/** Places in the text of a YAML document, and putting text there. Pure. */
import { isMap, isScalar, isSeq, type Node, type Pair } from "yaml";
import { EverbootError } from "../base/errors.ts";
import type { FlowStyle } from "./edit-entry.ts";

/** A map as the parser made it of text, with `range`: its start, and the end of its value. */
export interface FileMap {
  readonly items: ReadonlyArray<Pair<Node, Node | null>>;
  readonly range: readonly [number, number, number];
  readonly flow?: boolean;
}

/** In place of `cut` characters from `at` on. */
export interface Splice {
  readonly at: number;
  readonly cut: number;
  readonly text: string;
}

export function spliceAll(text: string, splices: readonly Splice[]): string {
  return splices
    .toSorted((a, b) => b.at - a.at)
    .reduce((edited, { at, cut, text: added }) => edited.slice(0, at) + added + edited.slice(at + cut), text);
}

/** Lines of their own behind the line in which the offset `end` is, with a comment that stands there. */
export function lineAfter(text: string, end: number, lines: readonly string[]): Splice {
  const newline = newlineOf(text);
  const found = text[end - 1] === "\n" ? end - 1 : text.indexOf("\n", end);
  if (found < 0) return { at: text.length, cut: 0, text: [...["", ...lines]].join(newline) };
  return { at: found + 1, cut: 0, text: lines.map((line) => line + newline).join("") };
}

/** Behind the last scalar: the range of a block goes on to comments and blank lines that follow it. */
export function contentEnd(node: FileMap | Node): number {
  const last = lastIn(node);
  return last === undefined ? (node.range?.[1] ?? 0) : contentEnd(last);
}

function lastIn(node: FileMap | Node): Node | undefined {
  if ("flow" in node && node.flow) return undefined;
  if (isMap<Node, Node | null>(node)) return node.items.at(-1)?.value ?? node.items.at(-1)?.key;
  return isSeq<Node>(node) ? node.items.at(-1) : undefined;
}

/** What stands before the keys of a block. */
export function blockIndent(text: string, map: FileMap): string {
  for (const { key } of map.items) {
    const before = lineBefore(text, key);
    // Before others stand an anchor, a tag or a question mark.
    if (isBlank(before)) return before;
  }
  throw new EverbootError("site-uneditable");
}

/** How much further in a host's fields stand than its name. */
export function blockStep(text: string, host: FileMap, indent: string): string {
  return blockIndent(text, host).slice(indent.length);
}

function lineBefore(text: string, node: Node): string {
  const start = node.range?.[0] ?? 0;
  return text.slice(text.lastIndexOf("\n", start - 1) + 1, start);
}

export function flowStyle(text: string, { items, range: [start] }: FileMap): FlowStyle {
  const key = items[0]?.key;
  return { isPadded: text[start + 1] === " ", isQuoted: isScalar(key) && key.type === "QUOTE_DOUBLE" };
}

/** Behind the last entry: in its line, or in one of its own where that has one. */
export function intoFlow(text: string, map: FileMap, entry: (style: FlowStyle) => string): Splice[] {
  const last = map.items.at(-1);
  if (!last) return [{ at: map.range[0] + 1, cut: 0, text: entry({ isPadded: false, isQuoted: false }) }];
  const brace = map.range[1] - 1;
  const added = entry(styleOfEntries(text, map));
  const end = contentEnd(last.value ?? last.key);
  const comma = withoutComments(text.slice(end, brace)).indexOf(",");
  // A comma behind the last entry is somebody's habit: it stays so.
  const [place, before, after] = comma < 0 ? [end, ",", ""] : [end + comma + 1, "", ","];
  const indent = lineBefore(text, last.key);
  if (!isBlank(indent)) return [{ at: place, cut: 0, text: `${before} ${added}` }];
  const lineEnd = text.slice(place, brace).search(/\r?\n/);
  const line = `${newlineOf(text)}${indent}${added}${after}`;
  if (lineEnd <= 0) return [{ at: place, cut: 0, text: before + line }];
  return [
    { at: place, cut: 0, text: before },
    { at: place + lineEnd, cut: 0, text: line },
  ];
}

/** That of the last entry's own value, which is like the one that comes. */
function styleOfEntries(text: string, map: FileMap): FlowStyle {
  const value = map.items.at(-1)?.value;
  const isQuoted = flowStyle(text, map).isQuoted;
  return { isPadded: isMap(value) && flowStyle(text, value as FileMap).isPadded, isQuoted };
}

function isBlank(text: string): boolean {
  return /^[ \t]*$/.test(text);
}

/** As long as before. */
function withoutComments(text: string): string {
  return text.replace(/#.*/g, (comment) => " ".repeat(comment.length));
}

function newlineOf(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}
