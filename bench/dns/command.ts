/** `./everboot bench dns`: how many questions a second the DNS server answers. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Command } from "../../src/cli/command.ts";
import { parseOptions, wantPositionals } from "../../src/cli/options.ts";
import { runLoad } from "./load.ts";
import type { Told } from "./server.ts";

/** Questions a second that one server is to answer. */
const AIM = 10_000;

const USAGE = `./everboot bench dns [--seconds N] [--clients N] [--window N]
  A DNS server in a process of its own, and clients that ask it over UDP on the loopback interface, each again as soon as it
  is answered. Exit code 1 if fewer than ${AIM} a second are answered, or one is not.
  --seconds N     how long (default 5)
  --clients N     each with an address in another network (default 16)
  --window N      questions of each client under way (default 4)`;

const OPTIONS = {
  seconds: { type: "string", default: "5" },
  clients: { type: "string", default: "16" },
  window: { type: "string", default: "4" },
} as const;

export const dnsCommand: Command = {
  name: "dns",
  summary: "questions a second that the DNS server answers",
  usage: USAGE,
  run: async (args, io) => {
    const { values, positionals } = parseOptions(args, OPTIONS);
    wantPositionals(positionals, 0, 0, USAGE);
    const [seconds, clients, window] = [values.seconds, values.clients, values.window].map(Number);
    const child = fork(join(import.meta.dirname, "server.ts"), { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const [{ port = 0 }] = (await once(child, "message")) as [Told];
    const result = await runLoad({ port, seconds: seconds ?? 0, clients: clients ?? 0, window: window ?? 0 });
    child.send("end");
    const [{ used = 0, counters = {} }] = (await once(child, "message")) as [Told];
    const rate = Math.round(result.answered / result.seconds);
    io.out(`${rate} questions answered a second, ${result.lost} lost, in ${result.seconds} s`);
    io.out(`median ${result.median.toFixed(2)} ms, 99 of 100 below ${result.p99.toFixed(2)} ms`);
    io.out(`${Math.round(result.answered / used)} for each second of the server's processor time`);
    io.out(`counters: ${JSON.stringify(counters)}`);
    return rate >= AIM && result.lost === 0 ? 0 : 1;
  },
};
