/**
 * Run by etcd-cluster.test.ts: a replica that commits numbered facts without end, each of them once, and writes the
 * number of each to standard output once it is acknowledged. Arguments: path of the local store, endpoint of etcd,
 * prefix, first number.
 */
import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../src/base/clock.ts";
import { openEtcdStore } from "../../src/store/etcd.ts";
import { factsUnder, openReplica, type Replica } from "../../src/store/replica.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";

const PAUSE_MS = 2;

export async function openTestReplica(path: string, endpoints: readonly string[], prefix: string): Promise<Replica> {
  const about = { clock: systemClock, random: randomBytes };
  return await openReplica({
    ...about,
    local: await openSqliteStore(path),
    remote: openEtcdStore({ ...about, endpoints, prefix, writer: "s1" }),
    server: "s1",
    isFact: factsUnder(["fact/"]),
    resolve: (_, mine) => mine,
  });
}

export const factKeyOf = (number: number): string => `fact/${String(number).padStart(8, "0")}`;

async function writeForever(path: string, endpoint: string, prefix: string, first: number): Promise<void> {
  const replica = await openTestReplica(path, [endpoint], prefix);
  // The replica's own timers keep no process alive.
  setInterval(() => undefined, 60_000);
  for (let number = first; ; number++) {
    await replica.commit({ put: [{ key: factKeyOf(number), value: String(number) }] });
    writeSync(1, `${number}\n`);
    await sleep(PAUSE_MS);
  }
}

const [path, endpoint, prefix, first] = process.argv.slice(2);
if (import.meta.main && path && endpoint && prefix) await writeForever(path, endpoint, prefix, Number(first));
