/** Conditional requests (RFC 9110 section 13) for GET and HEAD. */
import { parseHttpDate, wholeSeconds } from "./date.ts";

/** Names in lower case, as Node gives them. */
export type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** What tells one version of a file from another: a strong, quoted tag and a time in milliseconds since 1970. */
export interface Validators {
  readonly etag: string;
  readonly modified: number;
}

export type Precondition = "proceed" | "not-modified" | "failed";

const ENTITY_TAG = /(?:W\/)?"[^"]*"/g;

export function headerText(headers: RequestHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
}

/** Does a header of a request for a file ask for anything but the whole of it, as it is? */
export function hasConditions(headers: RequestHeaders): boolean {
  return (
    headers.range !== undefined ||
    headers["if-none-match"] !== undefined ||
    headers["if-modified-since"] !== undefined ||
    headers["if-match"] !== undefined ||
    headers["if-unmodified-since"] !== undefined
  );
}

/** Never later than the Date header of the same response (RFC 9110 section 8.8.2.1). */
export function lastModified(current: Validators, now: number): number {
  return wholeSeconds(Math.min(current.modified, now));
}

/** Steps 1 to 4 of RFC 9110 section 13.2.2: a tag, where the client sends one, outranks the date. */
export function checkPreconditions(headers: RequestHeaders, current: Validators, now: number): Precondition {
  if (lostVersion(headers, current, now)) return "failed";
  return sameVersion(headers, current, now) ? "not-modified" : "proceed";
}

/** Step 5: may Range be honoured, or has the file changed since the client got its first part? */
export function rangeStillValid(headers: RequestHeaders, current: Validators, now: number): boolean {
  const validator = headerText(headers, "if-range");
  if (validator === undefined) return true;
  if (/^(?:W\/)?"/.test(validator)) return validator === current.etag;
  const modified = lastModified(current, now);
  // A file changed twice within one second has one date for two contents (RFC 9110 section 8.8.2.2).
  const dateIsStrong = wholeSeconds(now) > modified;
  return dateIsStrong && parseHttpDate(validator, now) === modified;
}

function lostVersion(headers: RequestHeaders, current: Validators, now: number): boolean {
  const match = headerText(headers, "if-match");
  if (match !== undefined) return match.trim() !== "*" && !tagsOf(match).includes(current.etag);
  const unmodifiedSince = dateOf(headers, "if-unmodified-since", now);
  return unmodifiedSince !== undefined && lastModified(current, now) > unmodifiedSince;
}

function sameVersion(headers: RequestHeaders, current: Validators, now: number): boolean {
  const noneMatch = headerText(headers, "if-none-match");
  if (noneMatch !== undefined) {
    return noneMatch.trim() === "*" || tagsOf(noneMatch).some((tag) => tag.replace(/^W\//, "") === current.etag);
  }
  const modifiedSince = dateOf(headers, "if-modified-since", now);
  return modifiedSince !== undefined && lastModified(current, now) <= modifiedSince;
}

/** With their quotes and, if weak, `W/`: compared as they are this is the strong comparison (section 8.8.3.2). */
function tagsOf(list: string): string[] {
  return Array.from(list.matchAll(ENTITY_TAG), ([tag]) => tag);
}

function dateOf(headers: RequestHeaders, name: string, now: number): number | undefined {
  const text = headerText(headers, name);
  return text === undefined ? undefined : parseHttpDate(text, now);
}
