/**
 * Whole racks of simulated machines against two real servers, on demand: EVERBOOT_LAB=fleet. EVERBOOT_MACHINES=N changes
 * how many are in the boot storm.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { dhcpTimes, fleetText, mostAtOnce, percentile, runningAt } from "../../lab/simulate/figures.ts";
import type { FleetMachine, MachineLog } from "../../lab/simulate/fleet.ts";
import { FleetLab, fleetObstacle, WIDE } from "../support/fleet.ts";
import { random } from "../support/lossy-udp.ts";

const skip = fleetObstacle() ?? (process.env.EVERBOOT_LAB === "fleet" ? undefined : "long: set EVERBOOT_LAB=fleet");
const STORM = Number(process.env.EVERBOOT_MACHINES ?? 2000);
/** Installs at a time, of each of two servers. */
const LIMIT = 25;
const SPEEDS = 240;
const HOUR = 3_600_000;
const seed = Number(process.env.EVERBOOT_SEED ?? Date.now() % 100_000);

type Options = Pick<Parameters<typeof FleetLab.open>[0], "machines" | "noise" | "site" | "serverKeys">;

async function install(
  t: TestContext,
  options: Options,
  how: (number: number) => Pick<FleetMachine, "onMs" | "pauseMs">,
): Promise<{ readonly lab: FleetLab; readonly logs: readonly MachineLog[] }> {
  const lab = await FleetLab.open({ name: "fs", servers: 2, place: WIDE, ...options });
  t.after(() => lab.close());
  const began = performance.now();
  await lab.permitAll();
  t.diagnostic(`${options.machines} permits in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  const logs = await lab.run(how);
  t.diagnostic(fleetText(logs));
  for (const { name, done, disk, timeouts } of logs) {
    assert.deepEqual(timeouts, [], name);
    assert.ok(done !== undefined && disk !== undefined, `${name} is installed`);
  }
  return { lab, logs };
}

test(`least-loaded: machines of very different speed keep both queues alike (EVERBOOT_SEED=${seed})`, {
  skip,
  timeout: HOUR,
}, async (t) => {
  const chance = random(seed);
  const { lab, logs } = await install(
    t,
    { machines: SPEEDS, noise: { packages: 10, bytes: 20_000 }, site: { balance: "least-loaded" } },
    // One comes every 200 ms; every other one, by chance, takes ten times as long over each package.
    (number) => ({ onMs: number * 200, pauseMs: chance() < 0.5 ? 150 : 1500 }),
  );
  const moments = Array.from({ length: 200 }, (_, step) => ((50 + step / 2) / 200) * (SPEEDS * 200));
  const queues = lab.floating().map((server) => {
    const counts = moments.map((at) => runningAt(logs, at, server));
    return { server, mean: counts.reduce((sum, count) => sum + count, 0) / counts.length, peak: Math.max(...counts) };
  });
  t.diagnostic(queues.map(({ server, mean, peak }) => `${server}: ${mean.toFixed(1)}, at most ${peak}`).join("; "));
  const means = queues.map(({ mean }) => mean);
  assert.ok(Math.max(...means) <= 1.2 * Math.min(...means), means.join(" and "));
});

test(`a boot storm: ${STORM} machines are switched on in one second, 50 are installed at a time (EVERBOOT_SEED=${seed})`, {
  skip,
  timeout: HOUR,
}, async (t) => {
  const chance = random(seed);
  const { lab, logs } = await install(
    t,
    { machines: STORM, noise: { packages: 10, bytes: 20_000 }, serverKeys: () => ({ installs: LIMIT }) },
    () => ({ onMs: chance() * 1000, pauseMs: 200 + chance() * 400 }),
  );
  assert.equal(logs.length, STORM);
  assert.ok(percentile(dhcpTimes(logs), 0.99) < 1000, "99 of 100 DHCP exchanges within a second");
  assert.ok(mostAtOnce(logs) <= 2 * LIMIT, `${mostAtOnce(logs)} at once`);
  for (const server of lab.servers) assert.equal((await lab.counts(server)).installed, STORM);
});
