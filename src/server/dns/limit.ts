/**
 * Response rate limiting: an address in a datagram may be another's, who would get the answers. Networks of 256 addresses
 * share an allowance, as BIND's do; beyond it every second answer goes as a word to ask over TCP, which is no longer than
 * the question, and the others are left out. So a true client gets on, and nobody is flooded.
 */
import type { Ipv4 } from "../../base/address.ts";
import { Allowance, type AllowanceOptions } from "../syslog/allowance.ts";

export interface ResponseLimits {
  /** Of each network of 256 addresses in the site's subnets. */
  readonly site: AllowanceOptions;
  /** Of each one elsewhere. */
  readonly others: AllowanceOptions;
}

/** A rack full of installers asks for the install name once a package; others have hardly a reason to ask at all. */
export const RESPONSE_LIMITS: ResponseLimits = {
  site: { burst: 10_000, rate: 5000 },
  others: { burst: 50, rate: 20 },
};

export type LimitVerdict = "send" | "slip" | "drop";

export class ResponseLimit {
  private readonly site: Allowance;
  private readonly others: Allowance;
  private limited = 0;

  constructor(limits: ResponseLimits) {
    this.site = new Allowance(limits.site);
    this.others = new Allowance(limits.others);
  }

  /** @param now milliseconds */
  judge(client: Ipv4, isOfSite: boolean, now: number): LimitVerdict {
    const allowance = isOfSite ? this.site : this.others;
    if (allowance.take(client.slice(0, client.lastIndexOf(".")), now)) return "send";
    this.limited += 1;
    return this.limited % 2 === 0 ? "slip" : "drop";
  }
}
