/** From a verdict to status, headers and body, as data. No answer is compressed: clients resume by byte positions. */
import { type ErrorCode, type ErrorDetails, errorKind, errorText } from "../../base/errors.ts";
import { segmentLength } from "../../content/segments.ts";
import type { Segment, ServedFile } from "../../content/served-file.ts";
import {
  checkPreconditions,
  hasConditions,
  headerText,
  lastModified,
  type RequestHeaders,
  rangeStillValid,
} from "./conditional.ts";
import { formatHttpDate } from "./date.ts";
import { contentRange, decideRange, multipart, type RangeDecision, sliceRange } from "./range.ts";
import type { HttpVerdict } from "./route.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty for HEAD and 304, whatever Content-Length says. */
  readonly body: readonly Segment[];
}

/** The part of a request that shapes the answer. */
export interface Asked {
  readonly method: string;
  readonly headers: RequestHeaders;
}

export function answerVerdict(verdict: HttpVerdict, asked: Asked, now: number): Answer {
  return forMethod(asked.method, answerWithBody(verdict, asked, now));
}

export function answerError(
  code: ErrorCode,
  details: ErrorDetails = {},
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const { status, retryAfter } = errorKind(code);
  const again: Record<string, string> = retryAfter === undefined ? {} : { "Retry-After": String(retryAfter) };
  return answerText(status, "text/plain; charset=utf-8", `${errorText(code, details)}\n`, { ...again, ...headers });
}

function answerWithBody(verdict: HttpVerdict, asked: Asked, now: number): Answer {
  switch (verdict.kind) {
    case "file":
      return answerFile(verdict.file, asked, now);
    case "text":
      return answerText(verdict.status, verdict.contentType, verdict.body, {
        "Cache-Control": "no-store",
        ...verdict.headers,
      });
    case "error":
      return answerError(verdict.code, verdict.details, verdict.headers);
  }
}

/** Made once for each version of a file: whole files are asked for most. */
const wholeFiles = new WeakMap<ServedFile, Answer>();

function answerFile(file: ServedFile, asked: Asked, now: number): Answer {
  // One from the future has another Last-Modified each second.
  if (asked.method !== "GET" || hasConditions(asked.headers) || file.modified > now) return judgeFile(file, asked, now);
  const known = wholeFiles.get(file) ?? judgeFile(file, asked, now);
  wholeFiles.set(file, known);
  return known;
}

function judgeFile(file: ServedFile, asked: Asked, now: number): Answer {
  const validators = { ETag: file.etag, "Last-Modified": formatHttpDate(lastModified(file, now)) };
  switch (checkPreconditions(asked.headers, file, now)) {
    case "failed":
      return answerError("precondition-failed", {}, validators);
    case "not-modified":
      return { status: 304, headers: validators, body: [] };
    case "proceed":
      return answerParts(file, wantedParts(file, asked, now), { "Accept-Ranges": "bytes", ...validators });
  }
}

/** Range means nothing for HEAD (RFC 9110 section 14.2). */
function wantedParts(file: ServedFile, asked: Asked, now: number): RangeDecision {
  if (asked.method !== "GET" || !rangeStillValid(asked.headers, file, now)) return { kind: "whole" };
  return decideRange(headerText(asked.headers, "range"), file.size);
}

function answerParts(file: ServedFile, decision: RangeDecision, headers: Readonly<Record<string, string>>): Answer {
  if (decision.kind === "outside") {
    return answerError("range-outside", {}, { ...headers, "Content-Range": `bytes */${file.size}` });
  }
  if (decision.kind === "whole") return withBody(200, { ...headers, "Content-Type": file.contentType }, file.segments);
  const [range, ...more] = decision.ranges;
  if (range && more.length === 0) {
    const about = { "Content-Type": file.contentType, "Content-Range": contentRange(range, file.size) };
    return withBody(206, { ...headers, ...about }, sliceRange(file, range));
  }
  const { contentType, body } = multipart(file, decision.ranges);
  return withBody(206, { ...headers, "Content-Type": contentType }, body);
}

function answerText(
  status: number,
  contentType: string,
  text: string,
  headers: Readonly<Record<string, string>>,
): Answer {
  const body: Segment = { kind: "bytes", bytes: Buffer.from(text, "utf8") };
  return withBody(status, { ...headers, "Content-Type": contentType }, [body]);
}

function withBody(status: number, headers: Readonly<Record<string, string>>, body: readonly Segment[]): Answer {
  const length = body.reduce((sum, segment) => sum + segmentLength(segment), 0);
  return { status, headers: { ...headers, "Content-Length": String(length) }, body };
}

function forMethod(method: string, answer: Answer): Answer {
  return method === "HEAD" ? { ...answer, body: [] } : answer;
}
