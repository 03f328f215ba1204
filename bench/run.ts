/** `./everboot bench NAME`: measurements that take long, each with its document in docs/. */
import process from "node:process";
import { EverbootError, errorKind } from "../src/base/errors.ts";
import type { Command, Io } from "../src/cli/command.ts";

const BENCHES: Readonly<Record<string, () => Promise<Command>>> = {
  dns: async () => (await import("./dns/command.ts")).dnsCommand,
  failover: async () => (await import("./failover/command.ts")).failoverCommand,
  http: async () => (await import("./http/command.ts")).httpCommand,
  "split-brain": async () => (await import("./split-brain/command.ts")).splitBrainCommand,
  tftp: async () => (await import("./tftp/command.ts")).tftpCommand,
};

async function main([name = "", ...args]: readonly string[], io: Io): Promise<number> {
  const load = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
  if (!load) throw new EverbootError("usage", { what: `./everboot bench knows ${Object.keys(BENCHES).join(", ")}` });
  const command = await load();
  if (!args.includes("--help") && !args.includes("-h")) return command.run(args, io);
  io.out(command.usage);
  return 0;
}

const io: Io = {
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
  write: (text) => process.stdout.write(text),
  cwd: process.cwd(),
  env: process.env,
  // Ctrl-C ends a bench at once: what the lab has made goes by its own clean-ups, and results are whole lines.
  signal: new AbortController().signal,
  terminal: process.stdout.isTTY === true,
  columns: process.stdout.columns ?? 80,
};
process.exitCode = await main(process.argv.slice(2), io).catch((error: unknown) => {
  if (!(error instanceof EverbootError)) throw error;
  io.err(`everboot: ${error.message}`);
  return errorKind(error.code).exit;
});
