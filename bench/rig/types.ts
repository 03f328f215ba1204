/** What a bench beside the peers is made of: contenders that serve, loads that ask them, and what was measured. */
import type { ChildProcess, SpawnOptions } from "node:child_process";

/** One end of the cable: a namespace whose programs keep to one core. */
export interface Side {
  /** Of the namespace, for `ip -n` and Namespace's users. */
  readonly space: string;
  /** The end of the cable in it. */
  readonly device: string;
  /** IPv4 address of `device`; the network is a /24. */
  readonly address: string;
  /** The one core that its programs run on. */
  readonly core: number;
  /** Starts a program here, on the core; its pid is the program's own. It ends with this process, even when that is killed. */
  spawn(program: string, args: readonly string[], options?: SpawnOptions): ChildProcess;
  /** Runs a program here, on the core, to its end: what it printed. Rejects with its stderr when it fails. */
  exec(program: string, args: readonly string[], timeoutMs?: number): Promise<string>;
  /** `ip -n SPACE <words>` */
  ip(words: string): Promise<string>;
}

/** Where a round is run: the same for all contenders. */
export interface Place {
  readonly server: Side;
  readonly load: Side;
  /** Folder for anything, empty at the start of a bench and removed at its end. */
  readonly folder: string;
}

export interface Round {
  /** From 0. */
  readonly number: number;
  readonly place: Place;
}

/** A server that is measured. `Facts`: what the load has to know of it beside the address, its port for example. */
export interface Contender<Facts = unknown> {
  readonly name: string;
  /** Resolves when it answers. Started anew for each case of each round, and stopped after it. */
  start(round: Round): Promise<Running<Facts>>;
}

export interface Running<Facts = unknown> {
  /** Of the programs whose processor time counts, each with all its children, at the time of the question. */
  pids(): readonly number[];
  readonly facts: Facts;
  /** Resolves when its ports are free again. */
  stop(): Promise<void>;
}

/** What a load brought about in one run. */
export interface LoadResult {
  /** How much was done, in the unit of the case: requests, bytes, exchanges. */
  readonly units: number;
  /** How long it took. */
  readonly seconds: number;
  /** Of each unit (or of a sample), in milliseconds. */
  readonly latencies?: readonly number[];
  /** What failed or was lost; a run with failures is told, not dropped. */
  readonly failed?: number;
}

/** One thing to measure, with all contenders that can do it. */
export interface Case<Facts = unknown> {
  readonly name: string;
  readonly unit: Unit;
  /** Names of contenders: of all, where it is not given. */
  readonly contenders?: readonly string[];
  /** Before the clock and the processor time count: fills caches. */
  warm?(running: Running<Facts>, round: Round): Promise<void>;
  /** Asks for about so many seconds. */
  load(running: Running<Facts>, round: Round, seconds: number): Promise<LoadResult>;
}

/** How the figures of a case are shown: `units / scale` per second is a rate in `name`. */
export interface Unit {
  /** `GB/s`, `requests/s` */
  readonly rate: string;
  /** `GB`, `request`: the processor's seconds are given for each of these. */
  readonly name: string;
  readonly scale: number;
}

export interface Bench<Facts = unknown> {
  readonly name: string;
  readonly contenders: readonly Contender<Facts>[];
  readonly cases: readonly Case<Facts>[];
  /** Whose figures the others' are divided by; a list: the first one that takes part in a case. */
  readonly baseline: readonly string[];
}

export interface Plan {
  readonly rounds: number;
  readonly seconds: number;
}

/** One contender in one case of one round. */
export interface Run {
  readonly case: string;
  readonly contender: string;
  readonly round: number;
  readonly units: number;
  readonly seconds: number;
  /** Seconds of processor time of the server, its children's included. */
  readonly cpu: number;
  readonly failed: number;
  /** Milliseconds; absent when the load measures none. */
  readonly p50?: number;
  readonly p99?: number;
}
