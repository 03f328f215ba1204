/** Three whole servers whose daemons run etcd: one is drained, taken out, killed, and comes back. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CLIENT_ADDRESS, clusterObstacle, LabCluster } from "../../lab/cluster.ts";
import type { LabServer } from "../../lab/servers.ts";

const skip = clusterObstacle();
let lab: LabCluster;

before(async () => {
  if (skip) return;
  lab = await LabCluster.open({
    ...{ name: "cm", servers: 3, daemonsRunEtcd: true },
    hosts: { vm1: { nics: ["52:54:00:77:00:01"], address: CLIENT_ADDRESS } },
    fill: (folder) => {
      for (const name of ["linux", "initrd.gz"]) writeFileSync(join(folder, name), name);
    },
  });
});

after(async () => lab?.close());

function server(number: number): LabServer {
  return lab.server(`server${number}`);
}

test("three members run by their daemons: all is well", { skip, timeout: 120_000 }, async () => {
  await lab.until("status says so", async () => {
    const shown = await lab.command(server(1), "status");
    return (
      /server1 {2}http:\/\/10\.77\.0\.11:2379 {2}(leads|follows)/.test(shown) && /common state: current/.test(shown)
    );
  });
});

test("a drained server holds nothing, and may be taken out of etcd; the others go on", {
  skip,
  timeout: 120_000,
}, async () => {
  await assert.rejects(
    lab.command(server(1), "remove", "server3"),
    /server3 is alive and in service: run `everboot cluster drain server3` first/,
  );
  const drained = await lab.command(server(1), "drain", "server3", "--timeout", "60");
  assert.match(drained, /server3 is drained/);
  assert.deepEqual(
    (await lab.net.holders(server(3).floating)).filter((name) => name === "server3"),
    [],
  );
  assert.equal((await lab.net.holders(server(3).floating)).length, 1);
  const shown = (await lab.report(server(2))).servers.find(({ name }) => name === "server3");
  assert.equal(shown?.draining, true);
  const removed = await lab.command(server(2), "remove", "server3");
  assert.match(removed, /server3 is no member of etcd any more/);
  await lab.permit("vm1");
});

test("it joins again, takes its address home, and a killed daemon has its member back", {
  skip,
  timeout: 180_000,
}, async () => {
  await lab.killServer(server(3));
  assert.match(await lab.command(server(3), "join"), /comes into the cluster that runs/);
  await lab.startDaemon(server(3));
  await lab.command(server(1), "drain", "server3", "--back");
  await lab.untilWell();
  await lab.until("it has a vote", async () =>
    /server3 +http:\S+ +(leads|follows)/.test(await lab.command(server(3), "status")),
  );
  await lab.killServer(server(1));
  await lab.permit("vm1");
  await lab.repair();
  // Exit code 0: three members with a vote, and all else well.
  await lab.until("status says that all is well", async () => (await lab.command(server(1), "status")) !== "");
});
