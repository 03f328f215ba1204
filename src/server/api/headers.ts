/** Headers of requests, read. */
import type { FastifyRequest } from "fastify";

/** By lower-case name; the first, where it came several times. */
export function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** If-None-Match: weak comparison (RFC 9110 section 13.1.2). */
export function matchesTag(wanted: string | undefined, tag: string): boolean {
  return wanted !== undefined && (wanted.trim() === "*" || tagsIn(wanted).some((each) => opaque(each) === opaque(tag)));
}

/** If-Match: strong comparison (RFC 9110 section 13.1.1). */
export function matchesStrongly(wanted: string, tag: string): boolean {
  return wanted.trim() === "*" || tagsIn(wanted).includes(tag);
}

function tagsIn(header: string): string[] {
  return header.split(",").map((each) => each.trim());
}

function opaque(tag: string): string {
  return tag.replace(/^W\//, "");
}
