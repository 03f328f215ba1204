/**
 * A daemon's stand-in for floating.test.ts: the floating addresses, and a listener that tells its name to whoever
 * connects. Prints `ready`, `state ADDRESS STATE` and `seen PEER HEARD WITNESS`; reads `idle`, `busy`, `unwell`, `deaf`, `well` and `stop`.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { Floating } from "../../src/cluster/floating/floating.ts";
import { localInterfaces } from "../../src/net/interfaces.ts";
import { siteOf } from "../support/sites.ts";

const [siteFile = "", name = "", folder = "", program = ""] = process.argv.slice(2);
const site = siteOf(readFileSync(siteFile, "utf8"));
const server = site.servers.get(name);
if (!server) throw new Error(`no server ${name}`);

const print = (line: string) => void process.stdout.write(`${line}\n`);
const listener = createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.end(name);
});
listener.listen(80, "0.0.0.0");

let well = true;
let deaf = false;
let idle = true;
let started: Floating | undefined;
const others = [...site.servers.keys()].filter((other) => other !== name);

function tellSeen(): void {
  for (const other of others) print(`seen ${other} ${started?.heard(other)} ${started?.witness}`);
}

const floating = await Floating.start({
  site,
  server,
  folder,
  key: Buffer.from("a secret of the test"),
  clock: systemClock,
  log: silentLog,
  interfaces: localInterfaces(),
  program,
  settledMs: 1000,
  isWell: () => well,
  isDeaf: () => deaf,
  isIdle: () => idle,
  changed: ({ address, state }) => print(`state ${address} ${state}`),
  seen: tellSeen,
});
started = floating;
print("ready");

const commands: Readonly<Record<string, () => void | Promise<void>>> = {
  idle: () => {
    idle = true;
  },
  busy: () => {
    idle = false;
  },
  well: () => {
    well = true;
    deaf = false;
  },
  unwell: () => {
    well = false;
  },
  deaf: () => {
    well = false;
    deaf = true;
  },
  stop: async () => {
    await floating.leave();
    print("left");
    listener.close();
    await floating.stop();
    print("stopped");
    process.exit(0);
  },
};
createInterface({ input: process.stdin }).on("line", (line) => void commands[line]?.());
