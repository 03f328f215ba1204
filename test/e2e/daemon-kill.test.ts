/** A daemon that is killed at ten moments of an install: the install ends well, and the trace has lost nothing. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { DaemonProcess } from "../../lab/daemon-process.ts";
import { Namespace, namespaceObstacle } from "../../lab/netns.ts";
import { packageObstacle } from "../../lab/prerequisites.ts";
import { rackSite } from "../../lab/rack-site.ts";
import type { SimulatedStep } from "../../lab/simulate/machine.ts";
import { runSimulation } from "../../lab/simulate/run.ts";
import { packagesPath, writeNoiseTree } from "../../lab/simulate/tree.ts";
import { askDaemon } from "../../src/cli/daemon-client.ts";
import { statePaths } from "../../src/cluster/state-folder.ts";
import type { HostStatus } from "../../src/cluster/trace.ts";
import { random } from "../support/lossy-udp.ts";

const PACKAGES = 60;
const MAC = "52:54:00:00:00:03";
const RELEASE = "bookworm";
/** Milliseconds that the daemon is away after each kill. */
const AWAY = [0, 5000, 0, 500, 2000, 0, 5000, 1000, 0, 3000];

async function openLab(context: { after(task: () => Promise<void>): void }) {
  const folder = mkdtempSync(join(tmpdir(), "everboot-kill-"));
  const space = await Namespace.create("evk");
  const state = join(folder, "state");
  const siteFile = join(folder, "site.yaml");
  const tree = join(folder, "tree");
  mkdirSync(state);
  writeNoiseTree({ folder: tree, release: RELEASE, packages: PACKAGES, bytes: 200_000 });
  writeFileSync(join(folder, "keyring.gpg"), "no key");
  writeFileSync(
    siteFile,
    rackSite({ release: RELEASE, path: tree, keyring: join(folder, "keyring.gpg") }, [
      { name: "vm2", nics: [MAC], address: "192.168.77.102" },
    ]),
  );
  await space.bridge("br0", "192.168.77.1/24");
  const daemon = new DaemonProcess({ space, siteFile, state, logDirectory: folder });
  context.after(async () => {
    await daemon.kill();
    await space.remove();
    rmSync(folder, { recursive: true });
  });
  await daemon.start();
  const ask = (method: string, path: string, body?: unknown) => askDaemon(statePaths(state).socket, method, path, body);
  return { space, tree, daemon, ask };
}

/** What a trace must still hold after a restart. */
function kept(status: HostStatus): ReadonlyArray<readonly [string, number]> {
  return (status.boot?.stages ?? []).map(({ stage, first }) => [stage, first] as const);
}

const seed = Number(process.env.EVERBOOT_SEED ?? Date.now() % 100_000);

test(`ten kills in one install (EVERBOOT_SEED=${seed})`, {
  skip: namespaceObstacle() ?? packageObstacle("loaders"),
}, async (context) => {
  const { space, tree, daemon, ask } = await openLab(context);
  await ask("POST", "/api/v1/hosts/vm2/permit", {});
  const host = () => ask("GET", "/api/v1/hosts/vm2") as Promise<HostStatus>;
  const steps: SimulatedStep[] = [];
  const simulated = runSimulation({
    space,
    bridge: "br0",
    mac: MAC,
    packages: `http://192.168.77.1/trees/debian/${packagesPath(RELEASE)}`,
    pauseMs: 400,
    onStep: (step) => steps.push(step),
  });
  const chance = random(seed);
  const over = simulated.then(() => true);
  let kills = 0;
  for (const away of AWAY) {
    const ended = await Promise.race([over, delay(500 + chance() * 2500).then(() => false)]);
    if (ended) break;
    const before = await host();
    await daemon.kill();
    kills += 1;
    await delay(away);
    await daemon.start();
    const after = await host();
    for (const entry of kept(before))
      assert.deepEqual(
        kept(after).find(([stage]) => stage === entry[0]),
        entry,
      );
    assert.ok((after.boot?.stages.length ?? 0) >= (before.boot?.stages.length ?? 0));
  }
  assert.equal(kills, AWAY.length, "the install was over before all kills were done");
  assert.deepEqual(await simulated, { code: 0, complaint: "" });

  const fetched = steps.flatMap((step) => (step.step === "file" && step.path.endsWith(".deb") ? [step] : []));
  assert.equal(fetched.length, PACKAGES);
  for (const { path, sha256 } of fetched) {
    const bytes = readFileSync(join(tree, path.replace("/trees/debian/", "")));
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
