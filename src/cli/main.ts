#!/usr/bin/env node
/** The command line: finds the command, tells every misuse and trouble in one line, sets the exit code. */
import process from "node:process";
import { EverbootError, errorKind } from "../base/errors.ts";
import { VERSION } from "../base/version.ts";
import { whileAwake } from "./awake.ts";
import type { Command, Io } from "./command.ts";
import { takeDaemonOptions } from "./daemon-client.ts";

/** Loaded when called: `check` must not wait for the servers' libraries. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  up: async () => (await import("./up.ts")).upCommand,
  check: loadCheck,
  unknown: async () => (await import("./unknown.ts")).unknownCommand,
  accept: async () => (await import("./accept.ts")).acceptCommand,
  apply: async () => (await import("./apply.ts")).applyCommand,
  install: async () => (await import("./install.ts")).installCommand,
  cancel: async () => (await import("./cancel.ts")).cancelCommand,
  status: async () => (await import("./status.ts")).statusCommand,
  watch: async () => (await import("./watch.ts")).watchCommand,
  logs: async () => (await import("./logs.ts")).logsCommand,
  events: async () => (await import("./events.ts")).eventsCommand,
  plan: async () => (await import("./plan.ts")).planCommand,
  render: async () => (await import("./render.ts")).renderCommand,
  export: async () => (await import("./export.ts")).exportCommand,
  import: async () => (await import("./import.ts")).importCommand,
  tree: async () => (await import("./tree.ts")).treeCommand,
  bond: async () => (await import("./bond.ts")).bondCommand,
  cluster: async () => (await import("./cluster.ts")).clusterCommand,
  token: async () => (await import("./token.ts")).tokenCommand,
  audit: async () => (await import("./audit.ts")).auditCommand,
  doctor: async () => (await import("./doctor.ts")).doctorCommand,
  demo: async () => (await import("./demo.ts")).demoCommand,
};

async function loadCheck(): Promise<Command> {
  const [{ checkTreeFiles, createCheckCommand }, world] = await Promise.all([
    import("./check.ts"),
    import("./world-checks.ts"),
  ]);
  const programs = world.createNfsCheck(process.env.PATH ?? "");
  const { checkTreeKinds, checkFamilies, checkLoaders, checkVersion } = world;
  return createCheckCommand([checkTreeFiles, checkTreeKinds, checkFamilies, checkLoaders, programs, checkVersion]);
}

async function main(args: readonly string[], io: Io): Promise<number> {
  const [name = "help", ...rest] = args;
  if (name === "help" || name === "--help" || name === "-h") return help(rest[0], io);
  if (name === "--version" || name === "-V") return version(io);
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!load) throw new EverbootError("usage", { what: `no command ${name}: see everboot help` });
  const command = await load();
  if (rest.includes("--help") || rest.includes("-h")) return help(name, io);
  const taken = takeDaemonOptions(rest, io.env);
  return command.run(taken.args, { ...io, env: taken.env });
}

function version(io: Io): number {
  io.out(`everboot ${VERSION} (Node ${process.versions.node})`);
  return 0;
}

async function help(name: string | undefined, io: Io): Promise<number> {
  const load = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load) {
    io.out((await load()).usage);
    return 0;
  }
  io.out("everboot COMMAND [OPTIONS]   (everboot help COMMAND tells more; everboot --version)\n");
  for (const command of await Promise.all(Object.values(COMMANDS).map((each) => each()))) {
    io.out(`  ${command.name.padEnd(9)} ${command.summary}`);
  }
  return 0;
}

function processIo(signal: AbortSignal): Io {
  return {
    out: (line) => process.stdout.write(`${line}\n`),
    err: (line) => process.stderr.write(`${line}\n`),
    write: (text) => process.stdout.write(text),
    cwd: process.cwd(),
    env: process.env,
    signal,
    terminal: process.stdout.isTTY === true,
    columns: process.stdout.columns ?? 80,
  };
}

function exitCodeOf(error: unknown, io: Io): number {
  if (error instanceof EverbootError) {
    io.err(`everboot: ${error.message}`);
    return errorKind(error.code).exit;
  }
  io.err(`everboot: internal error: ${error instanceof Error ? error.stack : String(error)}`);
  return 1;
}

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stopping.abort(new Error(signal)));
process.stdout.on("error", () => process.exit(0));
const io = processIo(stopping.signal);
process.exitCode = await whileAwake(() => main(process.argv.slice(2), io)).catch((error: unknown) =>
  exitCodeOf(error, io),
);
