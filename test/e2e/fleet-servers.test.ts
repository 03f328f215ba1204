/**
 * A third server comes with empty disks, fetches its tree, is drained and goes while 32 machines install: real daemons
 * with real etcd. EVERBOOT_LAB=fleet
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { LabServer } from "../../lab/servers.ts";
import { fleetText, runningAt, served } from "../../lab/simulate/figures.ts";
import { verifyTree } from "../../src/content/manifest.ts";
import { currentVersion, readVersionManifest, versionFolder } from "../../src/content/versions.ts";
import { FleetLab, fleetObstacle, PAPERS } from "../support/fleet.ts";

/** They are at it from the beginning to the end; others come one after the other, and find the third server. */
const LASTING = 32;
const PASSING = 28;
const PACKAGES = 60;
const LASTING_PAUSE_MS = 4000;
const EVERY_MS = 6000;

const skip = fleetObstacle() ?? (process.env.EVERBOOT_LAB === "fleet" ? undefined : "long: set EVERBOOT_LAB=fleet");

test("a third server joins, is drained and removed while 32 machines install: none fails", {
  skip,
  timeout: 540_000,
}, async (t) => {
  const lab = await FleetLab.open({
    ...{ name: "fj", servers: 2, spares: 1, witness: false, daemonsRunEtcd: true, ownTrees: true },
    ...{ machines: LASTING + PASSING, place: PAPERS, noise: { packages: PACKAGES, bytes: 20_000 } },
  });
  t.after(() => lab.close());
  const { cluster } = lab;
  const [first, second, third] = [1, 2, 3].map((number) => cluster.server(`server${number}`)) as [
    LabServer,
    LabServer,
    LabServer,
  ];
  await lab.permitAll();
  const began = performance.now();
  const step = (what: string) => t.diagnostic(`${((performance.now() - began) / 1000).toFixed(1)} s: ${what}`);
  const fleet = lab.start((number) =>
    number < LASTING
      ? { onMs: number * 50, pauseMs: LASTING_PAUSE_MS }
      : { onMs: (number - LASTING) * EVERY_MS, pauseMs: 1000, packages: 12 },
  );
  await cluster.until("all are at it", async () => (fleet.progress()?.fetching ?? 0) >= LASTING);
  step(`${LASTING} machines fetch packages`);

  cluster.changeServers(3);
  await cluster.apply(first);
  await cluster.command(third, "join");
  await cluster.startDaemon(third);
  await cluster.untilWell();
  step("the third server is in");
  await cluster.until("it serves", async () => ((await installsOf(lab, first, third)) ?? 0) > 0);
  step("it serves an install");
  const version = await currentVersion(cluster.treeOf(first));
  assert.ok(version !== undefined);
  assert.equal(await currentVersion(cluster.treeOf(third)), version);
  const folder = versionFolder(cluster.treeOf(third), version);
  assert.deepEqual(await verifyTree(folder, await readVersionManifest(cluster.treeOf(first), version)), []);

  await cluster.command(first, "drain", third.name, "--timeout", "50");
  assert.equal(await installsOf(lab, second, third), 0);
  await cluster.command(second, "remove", third.name);
  step("it is drained, and no member of etcd");
  cluster.changeServers(2);
  await cluster.apply(first);
  await cluster.untilWell();
  step("it is out");
  const out = performance.now() - began;

  const logs = await fleet.ended;
  t.diagnostic(fleetText(logs));
  // A server that restarts leaves its address: a boot loader that is asking just then begins anew.
  for (const { name, timeouts } of logs)
    if (timeouts.length > 0) t.diagnostic(`${name} began anew: ${timeouts.join()}`);
  for (const { name, done, disk } of logs) assert.ok(done !== undefined && disk !== undefined, `${name} is installed`);
  assert.ok((served(logs).get(PAPERS.server(3).floating)?.machines.length ?? 0) > 0, "the third server was not used");
  const lasting = logs.filter(({ begun = Infinity, finish = 0 }) => begun < 30_000 && finish > out);
  assert.ok(lasting.length >= LASTING, `${lasting.length} of ${LASTING} were at it all the time`);
  assert.ok(runningAt(logs, out) >= LASTING);
});

/** Installs that were sent to a server, as another one knows. */
async function installsOf({ cluster }: FleetLab, asked: LabServer, server: LabServer): Promise<number | undefined> {
  const { servers } = await cluster.report(asked);
  return servers.find(({ name }) => name === server.name)?.installs;
}
