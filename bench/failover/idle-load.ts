/** Nothing is broken, and all processors are busy: no address may move. */
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { kill } from "../../lab/cleanup.ts";
import type { Size } from "./plan.ts";
import type { IdleLoad } from "./results.ts";
import { Rig } from "./rig.ts";

/** More than the processors: whoever wants one must wait for it. */
const BUSY_PER_PROCESSOR = 2;

export async function runIdleLoad(servers: Size, minutes: number): Promise<IdleLoad> {
  const rig = await Rig.open(servers, "plain");
  try {
    const moves = countMoves(rig);
    const busy = Array.from({ length: BUSY_PER_PROCESSOR * availableParallelism() }, () =>
      rig.lab.net.client.spawn("sh", ["-c", "while :; do :; done"], { stdio: "ignore" }),
    );
    await delay(minutes * 60_000);
    for (const child of busy) kill(child.pid);
    return { idleLoadMinutes: minutes, servers, moves: moves() };
  } finally {
    await rig.close();
  }
}

/** Counts how often a floating address comes to a server from now on, as the kernels tell it. */
function countMoves({ lab }: Rig): () => number {
  const floating = new Set(lab.servers.map((server) => server.floating));
  let count = 0;
  for (const { space } of lab.servers) {
    const { stdout } = space.spawn("ip", ["-4", "monitor", "address"], { stdio: ["ignore", "pipe", "ignore"] });
    if (!stdout) throw new Error("ip monitor cannot be read");
    createInterface({ input: stdout }).on("line", (line) => {
      const address = /^\d.* inet ([\d.]+)\//.exec(line)?.[1];
      if (address !== undefined && floating.has(address)) count += 1;
    });
  }
  return () => count;
}
