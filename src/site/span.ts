/** Subnets as spans of numbers, so that thousands of addresses find theirs quickly. */
import { type Cidr, type Ipv4, ipv4FromNumber, ipv4ToNumber } from "../base/address.ts";

/** Both ends belong to the span. */
export interface Span {
  readonly first: number;
  readonly last: number;
}

export function cidrSpan(cidr: Cidr): Span {
  const first = ipv4ToNumber(cidr.base);
  return { first, last: first + 2 ** (32 - cidr.prefix) - 1 };
}

export function spanHolds(span: Span, address: number): boolean {
  return address >= span.first && address <= span.last;
}

/** What an address is that no machine may have; a /31 and a /32 have none such (RFC 3021). */
export function reservedUse(cidr: Cidr, address: Ipv4): "network address" | "broadcast address" | undefined {
  if (cidr.prefix >= 31) return undefined;
  if (address === cidr.base) return "network address";
  return address === ipv4FromNumber(cidrSpan(cidr).last) ? "broadcast address" : undefined;
}
