/**
 * Run by nfs.test.ts inside a namespace: what a daemon does for NFS. Standard output has a line of JSON for each thing
 * that happens; each line of standard input is an order.
 */
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { openRawIpSender } from "../../src/net/raw-packet.ts";
import { createNfsServer, type NfsOptions, type NfsShares } from "../../src/server/nfs/server.ts";
import { planTickles } from "../../src/server/peers/tickle.ts";
import type { TcpConnection } from "../../src/wire/peer-message.ts";

export type NfsServerOptions = Omit<NfsOptions, "clock" | "log" | "ask" | "shares"> & NfsShares;

/** Clients of a dead server to be woken, as an heir does; other trees to serve; to end in order. */
export type NfsOrder = { readonly wake: readonly TcpConnection[] } | NfsShares | "stop";

export type NfsServerLine = { readonly ready: true } | { readonly counters: Readonly<Record<string, number>> };

function tell(line: NfsServerLine): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

async function serve(options: NfsServerOptions): Promise<void> {
  let shares: NfsShares = options;
  const log = {
    ...silentLog,
    child: () => log,
    error: (fields: object) => writeSync(2, `${JSON.stringify(fields)}\n`),
  };
  const server = createNfsServer({ ...options, shares: () => shares, clock: systemClock, log });
  const raw = await openRawIpSender();
  // It also keeps this process alive, which the clock's timers do not.
  const orders = createInterface(process.stdin);
  await server.start();
  tell({ ready: true });
  for await (const line of orders) {
    const order: NfsOrder = JSON.parse(line);
    if (order === "stop") break;
    if ("trees" in order) shares = order;
    else for (const { after, to, packet } of planTickles(order.wake)) setTimeout(() => raw?.send(packet, to), after);
  }
  await server.stop();
  tell({ counters: server.counters() });
  process.exit();
}

await serve(JSON.parse(process.argv[2] ?? ""));
