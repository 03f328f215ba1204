/** The contract over a replica: its edits, its facts, and what it takes of each while the cluster is away. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { EtcdCluster, etcdObstacle } from "../../lab/etcd.ts";
import { systemClock } from "../../src/base/clock.ts";
import { openEtcdStore } from "../../src/store/etcd.ts";
import { createMemoryStore } from "../../src/store/memory.ts";
import { openReplica, type Replica } from "../../src/store/replica.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { createFlakyStore } from "../support/flaky-store.ts";
import { describeStore } from "./store.ts";

const PATIENCE_MS = 20_000;

const folder = await mkdtemp(join(tmpdir(), "everboot-replica-"));
after(() => rm(folder, { recursive: true }));
let count = 0;

async function openWith(remote: Store, isFact: boolean, isAlone: boolean = false): Promise<Replica> {
  count += 1;
  return await openReplica({
    local: await openSqliteStore(join(folder, `${count}.db`)),
    remote,
    server: "s1",
    clock: systemClock,
    random: randomBytes,
    isFact: () => isFact,
    resolve: (_, mine) => mine,
    ...(isAlone && { edits: () => ({ kind: "alone" }) as const }),
  });
}

async function openCaughtUp(remote: Store, isFact: boolean): Promise<Replica> {
  const replica = await openWith(remote, isFact);
  await replica.whenCaughtUp();
  return replica;
}

function unreachable(): Store {
  const store = createFlakyStore(createMemoryStore());
  store.mood = "down";
  return store;
}

describeStore("replica, edits", () => openCaughtUp(createMemoryStore(), false));
describeStore("replica, facts", () => openCaughtUp(createMemoryStore(), true));
describeStore("replica, facts while the cluster is away", () => openWith(unreachable(), true));
describeStore("replica, edits of a server that is alone", () => openWith(unreachable(), false, true));

const obstacle = etcdObstacle();
if (obstacle) test("store contract: replica of etcd", { skip: obstacle }, () => {});
else await describeOverEtcd();

async function describeOverEtcd(): Promise<void> {
  const cluster = await EtcdCluster.start({ members: 3, heartbeatMs: 100, electionMs: 1_000 });
  after(() => cluster.remove());
  const remote = () =>
    openEtcdStore({
      endpoints: cluster.endpoints,
      prefix: `replica-${count}/`,
      writer: "s1",
      clock: systemClock,
      random: randomBytes,
      patienceMs: PATIENCE_MS,
    });
  describeStore("replica of etcd, edits", () => openCaughtUp(remote(), false));
  describeStore("replica of etcd, facts", () => openCaughtUp(remote(), true));
}
