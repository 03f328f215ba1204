/** When an heir gives an address back: its owner must have been well for a while. Pure but for what it remembers. */
import type { Ipv4 } from "../../base/address.ts";
import type { PeerView } from "./heartbeats.ts";
import type { FloatingState } from "./notify-fifo.ts";
import type { SteeredAddress } from "./steering.ts";

export class HomeGoing {
  private readonly server: string;
  private readonly addresses: readonly SteeredAddress[];
  private readonly settledMs: number;
  /** Owners that are well and heard on the LAN, and since when. */
  private readonly wellSince = new Map<string, number>();

  /** `settledMs`: milliseconds that an owner must have been well without a break. */
  constructor(server: string, addresses: readonly SteeredAddress[], settledMs: number) {
    this.server = server;
    this.addresses = addresses;
    this.settledMs = settledMs;
  }

  hear(peers: readonly PeerView[], now: number): void {
    for (const { name, heard, fitness } of peers) {
      if (fitness !== "well" || heard !== "lan") this.wellSince.delete(name);
      else if (!this.wellSince.has(name)) this.wellSince.set(name, now);
    }
  }

  /** Addresses held here that their owners could have back now. */
  leaving(states: ReadonlyMap<Ipv4, FloatingState>, now: number): Ipv4[] {
    return this.addresses
      .filter(({ address, holders: [owner] }) => {
        if (owner === undefined || owner === this.server || states.get(address) !== "master") return false;
        const since = this.wellSince.get(owner);
        return since !== undefined && now - since >= this.settledMs;
      })
      .map(({ address }) => address);
  }
}
