/**
 * 64 simulated machines are installed at once by two real servers: who really sends the bytes, by each balance policy.
 * The default in every run, the others with EVERBOOT_LAB=fleet.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { fleetText, runningAt, served, serverOf } from "../../lab/simulate/figures.ts";
import type { MachineLog } from "../../lab/simulate/fleet.ts";
import { FleetLab, fleetObstacle, PAPERS } from "../support/fleet.ts";

const MACHINES = 64;
const skip = fleetObstacle();
const long = skip ?? (process.env.EVERBOOT_LAB === "fleet" ? undefined : "long: set EVERBOOT_LAB=fleet");

type SiteKeys = { readonly balance?: string; readonly serverKeys?: (name: string) => object };

/** All machines are switched on in one second, and each takes its time for packages: all are at it together. */
async function install(t: TestContext, { balance, serverKeys }: SiteKeys): Promise<readonly MachineLog[]> {
  const lab = await FleetLab.open({
    ...{ name: "fs", servers: 2, machines: MACHINES, place: PAPERS, noise: { packages: 12, bytes: 20_000 } },
    ...(balance !== undefined && { site: { balance } }),
    ...(serverKeys && { serverKeys }),
  });
  t.after(() => lab.close());
  await lab.permitAll();
  const logs = await lab.run((number) => ({ onMs: (number * 1000) / MACHINES, pauseMs: 500 }));
  t.diagnostic(fleetText(logs));
  assert.deepEqual(
    logs.flatMap(({ timeouts }) => timeouts),
    [],
  );
  for (const { name, done, disk } of logs) assert.ok(done !== undefined && disk !== undefined, `${name} is installed`);
  const together = Math.max(...logs.map(({ packages = 0 }) => packages));
  assert.equal(runningAt(logs, together), MACHINES, "all at once");
  for (const server of lab.servers)
    await lab.cluster.until(
      `${server.name} knows that all are installed`,
      async () => (await lab.counts(server)).installed === MACHINES,
    );
  return logs;
}

/** How many machines each floating address has served, and that each had nearly all of its bytes from one server. */
function shares(logs: readonly MachineLog[]): ReadonlyMap<string, number> {
  for (const log of logs) {
    const total = Object.values(log.bytes).reduce((sum, bytes) => sum + bytes, 0);
    assert.ok((log.bytes[serverOf(log) ?? ""] ?? 0) > 0.9 * total, `${log.name}: ${JSON.stringify(log.bytes)}`);
  }
  return new Map([...served(logs)].map(([address, { machines }]) => [address, machines.length]));
}

function isWithin(count: number | undefined, wanted: number): boolean {
  return count !== undefined && Math.abs(count - wanted) <= wanted / 10;
}

test("by default each of two servers installs half of 64 machines", { skip, timeout: 120_000 }, async (t) => {
  const found = shares(await install(t, {}));
  for (const number of [1, 2]) assert.ok(isWithin(found.get(PAPERS.server(number).floating), MACHINES / 2));
});

test("weights 1 and 3: a quarter and three quarters", { skip: long, timeout: 120_000 }, async (t) => {
  const found = shares(await install(t, { serverKeys: (name) => ({ weight: name === "server1" ? 1 : 3 }) }));
  assert.ok(isWithin(found.get(PAPERS.server(1).floating), MACHINES / 4));
  assert.ok(isWithin(found.get(PAPERS.server(2).floating), (MACHINES * 3) / 4));
});

test("parity: odd addresses from the first server, even ones from the second", {
  skip: long,
  timeout: 120_000,
}, async (t) => {
  const serverKeys = (name: string) => ({ serves: name === "server1" ? "odd" : "even" });
  const logs = await install(t, { balance: "parity", serverKeys });
  shares(logs);
  for (const log of logs) {
    const address = PAPERS.host(Number(log.name.slice(1)));
    const isOdd = Number(address.split(".").at(-1)) % 2 === 1;
    assert.equal(serverOf(log), isOdd ? "192.168.0.253" : "192.168.0.254", address);
  }
});
