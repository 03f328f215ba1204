/**
 * What keepalived is told by its track files: the daemon's health, addresses that were let go, and advice from all
 * heartbeat links. No sockets: views come in, values go out.
 */
import type { Ipv4 } from "../../base/address.ts";
import type { Clock } from "../../base/clock.ts";
import { advise, type Witness } from "./advice.ts";
import { type Fitness, isFitter } from "./fitness.ts";
import { GONE_MS, type PeerView } from "./heartbeats.ts";
import { claimOf, type SteeringFiles } from "./keepalived-config.ts";
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
  /** Does the daemon, silent for so long, only want for a processor? Such a one is waited for, up to `STARVED_MS`. */
  readonly isStarved: (now: number) => boolean;
  /** Its `now` must not jump with the wall clock. */
  readonly clock: Clock;
  readonly files: Omit<SteeringFiles, "notify">;
  /** Writes one of the files; only what is new. */
  readonly write: (file: string, value: number) => void;
}

/** Milliseconds that a daemon may get too little of the processor to give a sign of life. */
const STARVED_MS = 3000;
/** Milliseconds after a pause in which a server hears who has its addresses by now. */
const GUEST_MS = GONE_MS + 60;
/** For decisions that VRRP does not wait for, the LAN counts as witnessed for so many milliseconds. */
export const LASTING_MS = 500;

export class Steering {
  private readonly options: SteeringOptions;
  private readonly released = new Set<Ipv4>();
  private readonly written = new Map<string, number>();
  private readonly states = new Map<Ipv4, FloatingState>();
  private told: Fitness = "none";
  private lastBeat = -Infinity;
  private lastWitnessed = -Infinity;
  private guestUntil = -Infinity;
  private leaving: boolean = false;

  constructor(options: SteeringOptions) {
    this.options = options;
  }

  /** A sign of life from the daemon. */
  beat(fitness: Fitness): void {
    this.told = fitness;
    this.lastBeat = this.options.clock.now();
  }

  /** Lets one address go to its next holder, or allows this server to hold it again. */
  release(address: Ipv4, released: boolean): void {
    if (released) this.released.add(address);
    else this.released.delete(address);
  }

  /**
   * This whole machine stood still for a while: what others hold by now is theirs, though keepalived here still believes
   * otherwise. It comes home as after any repair. What nobody took stays.
   */
  paused(): void {
    this.guestUntil = this.options.clock.now() + GUEST_MS;
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

  /** As other servers may rely on it. */
  get fitness(): Fitness {
    const now = this.options.clock.now();
    const isOut = this.leaving || this.options.addresses.every(({ address }) => this.released.has(address));
    return this.isAlive(now) && !isOut ? this.told : "none";
  }

  /** Has the daemon stopped, though it was not told to end? */
  get isFrozen(): boolean {
    return !this.leaving && !this.isAlive(this.options.clock.now());
  }

  private isAlive(now: number): boolean {
    const { frozenAfterMs, isStarved } = this.options;
    const silentMs = now - this.lastBeat;
    return silentMs < frozenAfterMs || (silentMs < STARVED_MS && isStarved(now));
  }

  /** For those who decide at leisure: `no` when nothing was heard on the LAN for half a second. */
  lasting(witness: Witness): Witness {
    return witness === "no" && this.wasWitnessed() ? "yes" : witness;
  }

  get holds(): Ipv4[] {
    return this.options.addresses.map(({ address }) => address).filter((address) => this.isHeld(address));
  }

  /**
   * Call it after all that has arrived was read: after a stall of this process, old news must not pass for silence.
   * `contested`: addresses that a better holder has too.
   */
  update(witness: Witness, peers: readonly PeerView[], contested: readonly Ipv4[] = []): void {
    const { files, clock } = this.options;
    if (witness === "yes") this.lastWitnessed = clock.now();
    this.writeHealth();
    // Others may rely on the last ping: they take an address. To give one up, a late one is not enough.
    const own = this.lasting(witness);
    for (const steered of this.options.addresses) {
      const { address, holders } = steered;
      // A peer whose daemon does not live holds nothing and takes nothing.
      const rivals = peers.filter(({ name, fitness }) => fitness !== "none" && holders.includes(name));
      const isGone = this.released.has(address) || contested.includes(address);
      const isLost = isGone || this.isTaken(address, rivals) || this.isOutdone(rivals);
      const yields = isLost || this.adviceOn(steered, own, rivals) === "yield";
      this.put(files.hold(address), yields ? 1 : 0);
      this.put(files.claim(address), this.claim(steered));
    }
  }

  /** While this machine stood still. */
  private isTaken(address: Ipv4, rivals: readonly PeerView[]): boolean {
    return this.options.clock.now() < this.guestUntil && rivals.some(({ holds }) => holds.includes(address));
  }

  /** By a peer that serves better, and is in the part of the LAN where clients are. */
  private isOutdone(rivals: readonly PeerView[]): boolean {
    const { fitness } = this;
    return rivals.some((peer) => isFitter(peer.fitness, fitness) && (peer.heard === "lan" || peer.witness === "yes"));
  }

  private adviceOn({ address, holders }: SteeredAddress, witness: Witness, rivals: readonly PeerView[]) {
    const own = { rank: holders.indexOf(this.options.server), witness, holds: this.isHeld(address) };
    const standings = rivals.map(({ name, heard, witness: its, holds }) => ({
      rank: holders.indexOf(name),
      witness: its,
      holds: holds.includes(address),
      heard,
    }));
    return advise(own, standings);
  }

  /** Only where clients are: an heir that took an address on the dead side of a cut has no claim when the cut is over. */
  private claim({ address, holders }: SteeredAddress): number {
    const rank = holders.indexOf(this.options.server);
    return rank > 0 && this.wasWitnessed() && this.isHeld(address) ? claimOf(rank, holders.length) : 0;
  }

  private wasWitnessed(): boolean {
    return this.options.clock.now() - this.lastWitnessed < LASTING_MS;
  }

  private isHeld(address: Ipv4): boolean {
    return this.states.get(address) === "master";
  }

  private writeHealth(): void {
    this.put(this.options.files.health, this.fitness === "none" ? 1 : 0);
  }

  private put(file: string, value: number): void {
    if (this.written.get(file) === value) return;
    this.written.set(file, value);
    this.options.write(file, value);
  }
}
