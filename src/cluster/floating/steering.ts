/**
 * What keepalived is told by its track files: the daemon's health, addresses that were let go, and advice from all
 * heartbeat links. No sockets: views come in, values go out.
 */
import type { Ipv4 } from "../../base/address.ts";
import type { Clock } from "../../base/clock.ts";
import { advise, type Witness } from "./advice.ts";
import type { PeerView } from "./heartbeats.ts";
import type { FloatingEvent, FloatingState } from "./notify-fifo.ts";

export interface SteeredAddress {
  readonly address: Ipv4;
  /** Names of all servers that may hold it, its owner first. */
  readonly holders: readonly string[];
}

export interface SteeringOptions {
  readonly server: string;
  readonly addresses: readonly SteeredAddress[];
  /** Milliseconds without a beat after which the daemon counts as frozen. */
  readonly frozenAfterMs: number;
  /** Its `now` must not jump with the wall clock. */
  readonly clock: Clock;
  /** Writes a track file: that of an address, or that of the daemon's health. */
  readonly write: (file: Ipv4 | "health", fault: boolean) => void;
}

export class Steering {
  private readonly options: SteeringOptions;
  private readonly released = new Set<Ipv4>();
  private readonly written = new Map<Ipv4 | "health", boolean>();
  private readonly states = new Map<Ipv4, FloatingState>();
  private ready: boolean = false;
  private lastBeat = -Infinity;
  private leaving = false;

  constructor(options: SteeringOptions) {
    this.options = options;
  }

  /** A sign of life from the daemon. `ready`: it serves its clients. */
  beat(ready: boolean): void {
    this.ready = ready;
    this.lastBeat = this.options.clock.now();
  }

  /** Lets one address go to its next holder, or allows this server to hold it again. */
  release(address: Ipv4, released: boolean): void {
    if (released) this.released.add(address);
    else this.released.delete(address);
  }

  /** For good: this server holds nothing any more. */
  leave(): void {
    this.leaving = true;
    this.writeHealth();
  }

  /** Was it another state before? */
  changed({ address, state }: FloatingEvent): boolean {
    const before = this.states.get(address);
    this.states.set(address, state);
    return before !== state;
  }

  get healthy(): boolean {
    const fresh = this.options.clock.now() - this.lastBeat < this.options.frozenAfterMs;
    return this.ready && fresh && !this.leaving;
  }

  get holds(): Ipv4[] {
    return this.options.addresses.map(({ address }) => address).filter((address) => this.isHeld(address));
  }

  /** Call it after all that has arrived was read: after a stall of this process, old news must not pass for silence. */
  update(witness: Witness, peers: readonly PeerView[]): void {
    this.writeHealth();
    for (const steered of this.options.addresses) {
      const yields = this.adviceOn(steered, witness, peers) === "yield";
      this.put(steered.address, yields || this.released.has(steered.address));
    }
  }

  private adviceOn({ address, holders }: SteeredAddress, witness: Witness, peers: readonly PeerView[]) {
    const own = { rank: holders.indexOf(this.options.server), witness, holds: this.isHeld(address) };
    // A peer whose daemon is not well holds nothing and takes nothing.
    const rivals = peers.filter(({ name, ready }) => ready && holders.includes(name));
    const standings = rivals.map(({ name, heard, witness: its, holds }) => ({
      rank: holders.indexOf(name),
      witness: its,
      holds: holds.includes(address),
      heard,
    }));
    return advise(own, standings);
  }

  private isHeld(address: Ipv4): boolean {
    return this.states.get(address) === "master";
  }

  private writeHealth(): void {
    this.put("health", !this.healthy);
  }

  private put(file: Ipv4 | "health", fault: boolean): void {
    if (this.written.get(file) === fault) return;
    this.written.set(file, fault);
    this.options.write(file, fault);
  }
}
