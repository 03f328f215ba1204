/** What is known of each client port; the client's address and port are its only name (its transfer ID, RFC 1350). */
import type { Peer } from "../../net/datagram.ts";

export class Slots<T> {
  /** Of each address, by port: nothing is put together for a packet that comes. */
  private readonly byAddress = new Map<string, Map<number, T>>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  get({ address, port }: Peer): T | undefined {
    return this.byAddress.get(address)?.get(port);
  }

  has(peer: Peer): boolean {
    return this.get(peer) !== undefined;
  }

  set(peer: Peer, value: T): void {
    const ports = this.byAddress.get(peer.address) ?? new Map<number, T>();
    if (!ports.has(peer.port)) this.count += 1;
    this.byAddress.set(peer.address, ports.set(peer.port, value));
  }

  delete({ address, port }: Peer): void {
    const ports = this.byAddress.get(address);
    if (!ports?.delete(port)) return;
    this.count -= 1;
    if (ports.size === 0) this.byAddress.delete(address);
  }

  clear(): void {
    this.byAddress.clear();
    this.count = 0;
  }

  values(): T[] {
    return [...this.byAddress.values()].flatMap((ports) => [...ports.values()]);
  }
}
