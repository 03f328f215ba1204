/** Range requests (RFC 9110 section 14) and the multipart body that answers several ranges at once. */
import { createHash } from "node:crypto";
import { sliceSegments } from "../../content/segments.ts";
import type { Segment, ServedFile } from "../../content/served-file.ts";

/** Both ends belong to the range, as on the wire; `0 <= first <= last < size`. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

export type RangeDecision =
  /** No range asked for, or one that may be ignored: the answer is 200 with the whole file. */
  | { readonly kind: "whole" }
  /** At least one range, in the order of the request. */
  | { readonly kind: "parts"; readonly ranges: readonly ByteRange[] }
  | { readonly kind: "outside" };

/** No installer asks for more than one; many small ones are a way to make a server work (RFC 9110 section 14.2). */
export const MOST_RANGES = 16;

const WHOLE: RangeDecision = { kind: "whole" };

/**
 * What a Range header means for a file of `size` bytes. Malformed ranges, other units, overlapping ranges and more than
 * MOST_RANGES are ignored, as section 14.2 allows: a client can always use the whole file. So are ranges of an empty
 * file, which no Content-Range could describe.
 */
export function decideRange(header: string | undefined, size: number): RangeDecision {
  const list = /^bytes=(.*)$/i.exec(header ?? "")?.[1];
  if (list === undefined || size === 0) return WHOLE;
  const specs = list.split(",").map((spec) => spec.trim());
  const asked = specs.filter((spec) => spec !== "").map((spec) => resolveSpec(spec, size));
  if (asked.length === 0 || asked.length > MOST_RANGES || asked.includes("malformed")) return WHOLE;
  const ranges = asked.filter((range) => typeof range === "object");
  if (ranges.length === 0) return { kind: "outside" };
  return overlap(ranges) ? WHOLE : { kind: "parts", ranges };
}

/** The value of Content-Range. */
export function contentRange(range: ByteRange, size: number): string {
  return `bytes ${range.first}-${range.last}/${size}`;
}

export function sliceRange(file: ServedFile, range: ByteRange): Segment[] {
  return sliceSegments(file.segments, range.first, range.last - range.first + 1);
}

/** A `multipart/byteranges` body (RFC 9110 section 14.6). Its boundary depends on the file's tag only (law 6). */
export function multipart(file: ServedFile, ranges: readonly ByteRange[]): { contentType: string; body: Segment[] } {
  const boundary = createHash("sha256").update(file.etag).digest("hex").slice(0, 32);
  const partHead = (range: ByteRange) =>
    `\r\n--${boundary}\r\nContent-Type: ${file.contentType}\r\nContent-Range: ${contentRange(range, file.size)}\r\n\r\n`;
  const body = ranges.flatMap((range) => [textSegment(partHead(range)), ...sliceRange(file, range)]);
  body.push(textSegment(`\r\n--${boundary}--\r\n`));
  return { contentType: `multipart/byteranges; boundary=${boundary}`, body };
}

function resolveSpec(spec: string, size: number): ByteRange | "malformed" | "outside" {
  const [, first = "", last = ""] = /^(\d*)-(\d*)$/.exec(spec) ?? [];
  if (first === "") return resolveSuffix(last, size);
  if (last !== "" && Number(last) < Number(first)) return "malformed";
  if (Number(first) >= size) return "outside";
  return { first: Number(first), last: last === "" ? size - 1 : Math.min(Number(last), size - 1) };
}

/** `-500`: the last 500 bytes. */
function resolveSuffix(length: string, size: number): ByteRange | "malformed" | "outside" {
  if (length === "") return "malformed";
  if (Number(length) === 0) return "outside";
  return { first: Math.max(0, size - Number(length)), last: size - 1 };
}

function overlap(ranges: readonly ByteRange[]): boolean {
  const sorted = ranges.toSorted((a, b) => a.first - b.first);
  return sorted.some((range, index) => range.first <= (sorted[index - 1]?.last ?? -1));
}

function textSegment(text: string): Segment {
  return { kind: "bytes", bytes: Buffer.from(text, "latin1") };
}
