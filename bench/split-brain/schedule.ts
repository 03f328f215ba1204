/** What befalls three servers in one schedule: all of it follows from its seed. Pure. */
import { createHash } from "node:crypto";

/**
 * - `deaf`: the server no longer sends to `peer`, on any link; the other way still works
 * - `apart`: neither of the two sends to the other
 * - `lan`, `cross`: the cable is silent
 * - `kill-daemon`, `kill-etcd`, `kill-server`: SIGKILL to that process, or to all of the server's
 * - `freeze-daemon`, `freeze-server`: SIGSTOP, and SIGCONT at the end
 */
export const TROUBLES = [
  "deaf",
  "apart",
  "lan",
  "cross",
  "kill-daemon",
  "kill-etcd",
  "kill-server",
  "freeze-daemon",
  "freeze-server",
] as const;

export interface Trouble {
  /** Milliseconds since the schedule began. */
  readonly at: number;
  /** Milliseconds until it is mended. */
  readonly lasts: number;
  readonly kind: (typeof TROUBLES)[number];
  readonly server: string;
  /** Another server: of `deaf` and `apart`. */
  readonly peer: string;
}

/** Length of a schedule, milliseconds. */
export const SCHEDULE_MS = 6000;
const MOST_TROUBLES = 6;

/** Numbers from 0 up to 1 that follow from the seed: SHA-256 of it and a counter. */
export function randomOf(seed: string): () => number {
  let count = 0;
  return () => {
    count += 1;
    return createHash("sha256").update(`${seed} ${count}`).digest().readUInt32BE() / 2 ** 32;
  };
}

export function pick<T>(random: () => number, from: readonly [T, ...T[]]): T {
  return from[Math.floor(random() * from.length)] ?? from[0];
}

/** By their beginning. Troubles overlap, and one may end while another one of the same kind lasts. */
export function scheduleOf(seed: number, servers: readonly [string, string, ...string[]]): Trouble[] {
  const random = randomOf(`schedule ${seed}`);
  const troubles = Array.from({ length: 2 + Math.floor(random() * (MOST_TROUBLES - 1)) }, (): Trouble => {
    const server = pick(random, servers);
    const others = servers.filter((name) => name !== server);
    return {
      at: Math.floor(random() * SCHEDULE_MS * 0.7),
      lasts: 300 + Math.floor(random() * SCHEDULE_MS * 0.7),
      kind: pick(random, TROUBLES),
      server,
      peer: pick(random, [others[0] ?? server, ...others.slice(1)]),
    };
  });
  return troubles.sort((a, b) => a.at - b.at);
}

export function tellTrouble({ at, lasts, kind, server, peer }: Trouble): string {
  const who = kind === "deaf" || kind === "apart" ? `${server} ${peer}` : server;
  return `${kind} ${who} ${at}+${lasts}`;
}
