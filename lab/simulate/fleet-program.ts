/**
 * A fleet of simulated machines, as a program in the clients' namespace: `node fleet-program.ts ORDER.json`. Prints JSON
 * lines: how far the fleet is, each second, and each machine's log when it is told to boot from its disk. Ends with the
 * last machine.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { parseMac } from "../../src/base/address.ts";
import { DhcpThread } from "./dhcp-thread.ts";
import type { FleetLine, FleetMachine, FleetOrder, FleetProgress, MachineLog } from "./fleet.ts";
import { live, type SimulatedStep } from "./machine.ts";

/** A machine's log while it is being written. */
class LogBook {
  readonly log: MachineLog;
  private readonly now: () => number;

  constructor({ name }: FleetMachine, now: () => number) {
    this.now = now;
    this.log = { name, on: now(), dhcp: [], waits: 0, timeouts: [], bytes: {} };
  }

  note(step: SimulatedStep): void {
    const { log } = this;
    if (step.step === "dhcp") log.dhcp.push({ client: step.client, ms: step.ms, sent: step.sent });
    else if (step.step === "file") log.bytes[step.server] = (log.bytes[step.server] ?? 0) + step.bytes;
    else if (step.step === "wait") log.waits += 1;
    else if (step.step === "timeout") log.timeouts.push(step.text);
    else this.noteTime(step);
  }

  private noteTime({ step, text }: { readonly step: string; readonly text: string }): void {
    const { log } = this;
    const now = this.now();
    if (step === "script" && log.begun === undefined) log.script = now;
    if (step === "kernel") log.begun ??= log.script ?? now;
    if (step === "packages") log.packages ??= now;
    if (step === "finish") log.finish = now;
    if (step === "report" && text === "done: 200") log.done = now;
    if (step === "disk") log.disk = now;
  }
}

function print(line: FleetLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** All addresses are the device's from the start, as one process cannot wait for `ip` a thousand times. */
function addAddresses({ device, machines }: FleetOrder): void {
  const input = machines.map(({ address }) => `addr replace ${address}/32 dev ${device}`).join("\n");
  const { status, stderr } = spawnSync("ip", ["-batch", "-"], { input, encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
}

async function runMachine(machine: FleetMachine, wire: DhcpThread, now: () => number, books: LogBook[]): Promise<void> {
  const mac = parseMac(machine.mac);
  if (!mac) throw new Error(`${machine.mac} is no MAC address`);
  await delay(machine.onMs);
  const book = new LogBook(machine, now);
  books.push(book);
  await live({
    ...{ mac, wire, pauseMs: machine.pauseMs, signal: new AbortController().signal },
    ...(machine.packages !== undefined && { packages: machine.packages }),
    takeAddress: (address) => {
      if (address !== machine.address) throw new Error(`${machine.name} was given ${address}`);
    },
    tell: (step) => book.note(step),
  });
  print({ log: book.log });
}

function progressOf(books: readonly LogBook[], at: number): FleetProgress {
  const count = (isMeant: (log: MachineLog) => boolean) => books.filter(({ log }) => isMeant(log)).length;
  return {
    at,
    on: books.length,
    installing: count(({ begun, done }) => begun !== undefined && done === undefined),
    fetching: count(({ packages, done }) => packages !== undefined && done === undefined),
    installed: count(({ done, disk }) => done !== undefined && disk !== undefined),
    timeouts: books.reduce((sum, { log }) => sum + log.timeouts.length, 0),
  };
}

const [file = ""] = process.argv.slice(2);
const order = JSON.parse(readFileSync(file, "utf8")) as FleetOrder;
addAddresses(order);
const wire = DhcpThread.open(order.device);
const started = performance.now();
const now = () => Math.round(performance.now() - started);
const books: LogBook[] = [];
const clock = setInterval(() => print({ progress: progressOf(books, now()) }), 1000);
await Promise.all(order.machines.map((machine) => runMachine(machine, wire, now, books)));
clearInterval(clock);
print({ progress: progressOf(books, now()) });
await wire.close();
