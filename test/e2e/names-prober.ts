/**
 * Asks name servers for the addresses of a name, each every 10 ms, and prints a line of JSON for each answer. Times are in
 * milliseconds of the kernel's monotonic clock, which all processes share. A program: `names-prober.ts NAME SERVER...`.
 */
import { createSocket } from "node:dgram";
import { constants, setPriority } from "node:os";
import process from "node:process";
import { monotonicNow } from "../../bench/failover/watch.ts";
import { dataOf, queryBytes, read } from "../support/dns.ts";

export interface NameAnswer {
  readonly server: string;
  readonly asked: number;
  readonly answered: number;
  readonly addresses: readonly string[];
}

const PERIOD_MS = 10;

function watchNames(name: string, servers: readonly string[]): void {
  const socket = createSocket("udp4");
  const asked = new Map<number, number>();
  let id = 0;
  socket.on("message", (bytes, { address: server }) => {
    const answered = monotonicNow();
    const reply = read(bytes);
    const at = asked.get(reply.id ?? -1);
    if (at === undefined) return;
    const told: NameAnswer = { server, asked: at, answered, addresses: dataOf(reply).map(String) };
    process.stdout.write(`${JSON.stringify(told)}\n`);
  });
  // Nobody there, as long as nobody is.
  socket.on("error", () => {});
  setInterval(() => {
    for (const server of servers) {
      id = (id + 1) & 0xffff;
      asked.set(id, monotonicNow());
      socket.send(queryBytes(name, "A", { id }), 53, server);
    }
  }, PERIOD_MS);
}

const [name, ...servers] = process.argv.slice(2);
if (import.meta.main && name !== undefined) {
  // It is the watch that the others run by: a busy machine must not stop it.
  setPriority(constants.priority.PRIORITY_HIGHEST);
  watchNames(name, servers);
}
