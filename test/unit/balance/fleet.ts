/** Installs by several servers as a queueing model, second by second: what a policy makes of their queues. */

import type { BalancePolicy, Client, Loads, ServerLoad, ServerShare } from "../../../src/balance/policy.ts";
import { ipv4FromNumber } from "../../../src/base/address.ts";

export interface Arrival {
  readonly client: Client;
  /** Seconds from the start. */
  readonly at: number;
  /** Bytes a second that the client can take in. */
  readonly speed: number;
}

export interface Fleet {
  readonly policy: BalancePolicy;
  readonly servers: readonly ServerShare[];
  /** In order of time. */
  readonly arrivals: readonly Arrival[];
  /** Bytes a second that each server can send. */
  readonly link: number;
  /** Installs that each server lets in at a time. */
  readonly limit: number;
  /** Seconds from one count of the figures to the next. */
  readonly period: number;
}

/** Bytes of one install, as in seeds.md A. */
export const INSTALL = 2.7e9;

export interface Install {
  /** Bytes a second that its client can take in. */
  readonly speed: number;
  /** Bytes. */
  left: number;
}

export interface Busy {
  installs: Install[];
  /** Bytes sent in the last second. */
  rate: number;
}

/** At the end of each second, until the last client has come: installs at each server, running or waiting. */
export function simulate({ policy, servers, arrivals, link, limit, period }: Fleet): Map<string, number>[] {
  const orders = policy.prepare([], servers);
  const busy = new Map<string, Busy>(servers.map(({ name }) => [name, { installs: [], rate: 0 }]));
  const samples: Map<string, number>[] = [];
  const coming = [...arrivals];
  let counted: Map<string, ServerLoad> = count(busy);
  for (let now = 0; coming.length > 0; now++) {
    if (now % period === 0) counted = count(busy);
    while (coming[0] && coming[0].at <= now) {
      const [{ client, speed }] = coming.splice(0, 1) as [Arrival];
      const first = orders(client, counted)[0] ?? "";
      busy.get(first)?.installs.push({ speed, left: INSTALL });
      counted = withOneMore(counted, first);
    }
    for (const server of busy.values()) send(server, link, limit);
    samples.push(new Map([...busy].map(([name, { installs }]) => [name, installs.length])));
  }
  return samples;
}

function count(busy: ReadonlyMap<string, Busy>): Map<string, ServerLoad> {
  return new Map([...busy].map(([name, { installs, rate }]) => [name, { rate, installs: installs.length }]));
}

/** What the one who orders counts by himself until the next figures come. */
function withOneMore(counted: Loads, name: string): Map<string, ServerLoad> {
  const load = counted.get(name);
  return load ? new Map([...counted, [name, { ...load, installs: load.installs + 1 }]]) : new Map(counted);
}

/** One second: the link is shared evenly, and what slow clients leave of their part goes to the others. */
export function send(server: Busy, link: number, limit: number): void {
  const running = server.installs.slice(0, limit).sort((a, b) => a.speed - b.speed);
  let spare = link;
  running.forEach((install, index) => {
    const part = Math.min(install.speed, spare / (running.length - index));
    install.left -= part;
    spare -= part;
  });
  server.rate = link - spare;
  server.installs = server.installs.filter(({ left }) => left > 0);
}

/** `count` clients with addresses one after the other from 192.168.0.1 on. */
export function clientsOf(count: number, prefix = "cli"): Client[] {
  const first = 0xc0a80001;
  return Array.from({ length: count }, (_, index) => ({
    name: `${prefix}${index + 1}`,
    address: ipv4FromNumber(first + index),
  }));
}

/** Old machines at odd addresses, new ones at even: the worst that parity can meet. */
const SPEEDS = [10e6, 110e6];
export const LINK = 125e6;

/** 64 at once, then one after the other. Their arrival times come from a fixed sequence (Weyl's, golden ratio). */
export function arrivalsOf(servers: number, spread: number): Arrival[] {
  let at = 0;
  return clientsOf(600, `run${spread}-`).map((client, index) => {
    if (index >= 64) at += (-Math.log(1 - ((index * 0.618034 + spread) % 1)) * 40) / servers;
    return { client, at, speed: SPEEDS[index % SPEEDS.length] ?? LINK };
  });
}
