/** Unknown machines for the API: listed, and accepted as hosts of the site that is applied. */
import { parseMac } from "../base/address.ts";
import { EverbootError } from "../base/errors.ts";
import type { Site } from "../site/model.ts";
import type { SiteNumber } from "./site-revisions.ts";
import type { UnknownMachine, UnknownMachines } from "./unknown.ts";
import { type AcceptRequest, acceptMachine } from "./unknown-accept.ts";

export interface UnknownDesk {
  /** Those seen last come first. */
  list(): readonly UnknownMachine[];
  /**
   * Resolves when the site file with the new host is applied, which is before the servers serve it. Rejects with
   * EverbootError `unknown-machine`, as `acceptMachine` does, or as applying a site file does.
   */
  accept(mac: string, request: AcceptRequest): Promise<AcceptedHost>;
}

export interface AcceptedHost {
  readonly host: string;
  readonly mac: string;
  readonly address: string;
  readonly profile: string;
  /** How manyth site file has it. */
  readonly number: number;
}

export interface UnknownDeskOptions {
  readonly unknown: UnknownMachines;
  /** What is served. */
  readonly site: Site;
  /** The site file that is applied, and applying the next one (`SiteDesk`). */
  readonly sites: {
    report(): { readonly number: number; readonly text: string };
    apply(request: { readonly text: string; readonly expected: number }): Promise<Partial<SiteNumber>>;
  };
}

export function createUnknownDesk({ unknown, site, sites }: UnknownDeskOptions): UnknownDesk {
  return {
    list: () => {
      // Another server may have told of one after it became a host.
      unknown.settle((mac) => site.hostByMac.has(mac));
      return unknown.all();
    },
    accept: async (text, request) => {
      const mac = parseMac(text);
      const machine = mac && unknown.get(mac);
      if (!machine) throw new EverbootError("unknown-machine", { mac: text });
      const before = sites.report();
      const { host, text: edited } = acceptMachine(before.text, machine, request);
      const { number = before.number + 1 } = await sites.apply({ text: edited, expected: before.number });
      return { host: host.name, mac: machine.mac, address: host.address, profile: host.profile, number };
    },
  };
}
