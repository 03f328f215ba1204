/** The contract over real etcd, of one member and of three. */
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";
import { EtcdCluster, etcdObstacle } from "../../lab/etcd.ts";
import { systemClock } from "../../src/base/clock.ts";
import { openEtcdStore } from "../../src/store/etcd.ts";
import { describeStore } from "./store.ts";

/** The contract is not about speed: a busy computer may take its time. */
const PATIENCE_MS = 20_000;

const obstacle = etcdObstacle();
if (obstacle) test("store contract: etcd", { skip: obstacle }, () => {});
else for (const members of [1, 3]) await describeCluster(members);

async function describeCluster(members: number): Promise<void> {
  const cluster = await EtcdCluster.start({ members, heartbeatMs: 100, electionMs: 1_000 });
  after(() => cluster.remove());
  let count = 0;
  describeStore(`etcd, members: ${members}`, async () => {
    count += 1;
    return openEtcdStore({
      endpoints: cluster.endpoints,
      prefix: `contract-${count}/`,
      writer: "s1",
      clock: systemClock,
      random: randomBytes,
      patienceMs: PATIENCE_MS,
    });
  });
}
