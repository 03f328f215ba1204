/**
 * What a daemon does with its member of etcd, and no more: `run STATE URL...` until SIGTERM. And the common state from
 * inside a namespace: `put KEY VALUE URL...`, `get KEY URL...`.
 */
import { randomBytes } from "node:crypto";
import process from "node:process";
import { pino } from "pino";
import { systemClock } from "../../src/base/clock.ts";
import { startEtcdMember } from "../../src/cluster/etcd/member.ts";
import { lockState } from "../../src/cluster/state-folder.ts";
import { openEtcdStore } from "../../src/store/etcd.ts";

async function run([state = "", ...endpoints]: readonly string[]): Promise<void> {
  const lock = lockState(state, process.pid);
  const log = pino({ level: "info" }, pino.destination(2));
  const etcd = await startEtcdMember({ state, endpoints, clock: systemClock, log, searchPath: process.env.PATH ?? "" });
  const alive = setInterval(() => undefined, 60_000);
  process.once("SIGTERM", async () => {
    await etcd.stop();
    clearInterval(alive);
    lock.release();
  });
  process.stdout.write("started\n");
}

function open(endpoints: readonly string[]) {
  const patienceMs = 10_000;
  return openEtcdStore({
    endpoints,
    prefix: "t/",
    writer: "test",
    clock: systemClock,
    random: randomBytes,
    patienceMs,
  });
}

async function put([key = "", value = "", ...endpoints]: readonly string[]): Promise<void> {
  const store = open(endpoints);
  await store.commit({ put: [{ key, value }] });
  await store.close();
}

async function get([key = "", ...endpoints]: readonly string[]): Promise<void> {
  const store = open(endpoints);
  process.stdout.write(`${(await store.get(key))?.value}\n`);
  await store.close();
}

const [mode = "", ...rest] = process.argv.slice(2);
await new Map([
  ["run", run],
  ["put", put],
  ["get", get],
]).get(mode)?.(rest);
