/** A daemon that is killed at ten moments of an install: the install ends well, and the trace has lost nothing. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { namespaceObstacle } from "../../lab/netns.ts";
import { packageObstacle } from "../../lab/prerequisites.ts";
import { openRack } from "../../lab/rack.ts";
import type { SimulatedStep } from "../../lab/simulate/machine.ts";
import { runSimulation } from "../../lab/simulate/run.ts";
import { noiseTree } from "../../lab/simulate/tree.ts";
import type { HostStatus } from "../../src/cluster/trace.ts";
import { random } from "../support/lossy-udp.ts";

const PACKAGES = 60;
const HOST = "vm2";
const MAC = "52:54:00:00:00:03";
/** Milliseconds that the daemon is away after each kill. */
const AWAY = [0, 5000, 0, 500, 2000, 0, 5000, 1000, 0, 3000];

/** What a trace must still hold after a restart. */
function kept(status: HostStatus): readonly string[] {
  return (status.boot?.stages ?? []).map(({ stage, first }) => `${stage} since ${first}`);
}

const seed = Number(process.env.EVERBOOT_SEED ?? Date.now() % 100_000);

test(`ten kills in one install (EVERBOOT_SEED=${seed})`, {
  skip: namespaceObstacle() ?? packageObstacle("loaders"),
}, async (context) => {
  const rack = await openRack({
    name: "evk",
    tree: noiseTree({ packages: PACKAGES, bytes: 200_000 }),
    hosts: [{ name: HOST, nics: [MAC], address: "192.168.77.102" }],
  });
  context.after(rack.close);
  await rack.install(HOST);
  const host = () => rack.status(HOST);
  const steps: SimulatedStep[] = [];
  const simulated = runSimulation(rack, { host: HOST, pauseMs: 400, onStep: (step) => steps.push(step) });
  const chance = random(seed);
  const over = simulated.then(() => true);
  let kills = 0;
  for (const away of AWAY) {
    const ended = await Promise.race([over, delay(500 + chance() * 2500).then(() => false)]);
    if (ended) break;
    const before = await host();
    await rack.daemon.kill();
    kills += 1;
    await delay(away);
    await rack.daemon.start();
    const after = await host();
    for (const entry of kept(before)) assert.ok(kept(after).includes(entry), `${entry} is lost`);
  }
  assert.equal(kills, AWAY.length, "the install was over before all kills were done");
  assert.deepEqual(await simulated, { code: 0, complaint: "" });

  const fetched = steps.flatMap((step) => (step.step === "file" && step.path.endsWith(".deb") ? [step] : []));
  assert.equal(fetched.length, PACKAGES);
  for (const { path, sha256 } of fetched) {
    const bytes = readFileSync(join(rack.tree, path.replace("/trees/debian/", "")));
    assert.equal(sha256, createHash("sha256").update(bytes).digest("hex"), path);
  }
  const reports = steps.flatMap((step) => (step.step === "report" ? [step.text] : []));
  assert.deepEqual(reports, ["answer: 200", "partition: 200", "packages: 200", "post: 200", "done: 200"]);
  const status = await host();
  assert.equal(status.state, "installed");
  assert.equal(status.permit?.state, "used");
  assert.deepEqual(
    status.boot?.stages.map(({ stage }) => stage).filter((stage) => stage !== "loader"),
    ["dhcp", "script", "kernel", "answer", "packages", "post", "reboot"],
  );
});
