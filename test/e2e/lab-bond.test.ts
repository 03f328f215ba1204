/**
 * The second promise with a real machine: a bond that is declared once is installed, comes up, is verified by what the
 * machine itself reports, and outlasts a cut cable. As long as a whole install: on demand, EVERBOOT_LAB=bond. The
 * machine that boots from its other NIC is quick.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { ping } from "../../lab/bond-guest/ping.ts";
import { runInstall } from "../../lab/install-run.ts";
import type { Machine } from "../../lab/machine.ts";
import { namespaceObstacle } from "../../lab/netns.ts";
import { LAB_PURPOSES, packageObstacle } from "../../lab/prerequisites.ts";
import { openRack, type Rack } from "../../lab/rack.ts";
import { RACK_HOSTS } from "../../lab/rack-site.ts";

function obstacle(kind: "quick" | "bond"): string | undefined {
  if (process.env.EVERBOOT_LAB !== kind) return `long: set EVERBOOT_LAB=${kind}`;
  return namespaceObstacle() ?? packageObstacle(...LAB_PURPOSES);
}

const [VM1] = RACK_HOSTS;
const [FIRST, SECOND = ""] = VM1.nics;

test("declared once: installed, verified, and a cut cable costs at most 3 of 100 pings", {
  skip: obstacle("bond"),
}, async (t) => {
  const rack = await openRack({ name: "labbond" });
  try {
    const report = await runInstall(rack, {
      host: VM1.name,
      until: "booted-from-disk",
      afterwards: async (machine) => {
        const status = await verified(rack);
        assert.match(status, /note, .*: it came up as declared: bond0 over 2 NICs, mode active-backup/);
        const lost = await lostWhenCut(rack, machine, VM1.address);
        t.diagnostic(`${lost} of 100 pings lost`);
        assert.ok(lost <= 3, `${lost} of 100 pings lost`);
      },
    });
    assert.equal(report.outcome, "reached", report.screen);
  } finally {
    await rack.close();
  }
});

/** What `everboot status` says once the machine has reported. */
async function verified(rack: Rack): Promise<string> {
  const deadline = performance.now() + 10 * 60_000;
  for (;;) {
    const { state } = await rack.status(VM1.name);
    if (state === "verified" || state === "differs" || performance.now() > deadline) break;
    await delay(1000);
  }
  const { stdout } = await rack.everboot("status", VM1.name, "--state", rack.state);
  assert.match(stdout, /^vm1 {2}verified /m);
  return stdout;
}

/** Of 100 pings, ten a second: the cable of the active NIC, which is the first one, is cut after 20 of them. */
async function lostWhenCut(rack: Rack, machine: Machine, address: string): Promise<number> {
  const work = async () => void (await machine.monitor("set_link nic0 off"));
  const { sent, received } = await ping(rack.space, address, { count: 100, intervalMs: 100, during: { at: 20, work } });
  assert.equal(sent, 100);
  return sent - received;
}

const ADDRESSES: ReadonlyArray<readonly [string, readonly [string, string]]> = [
  ["a machine that boots from its other NIC", [SECOND, FIRST]],
  ["a machine whose NICs all show the master's address", [FIRST, FIRST]],
];

for (const [name, macs] of ADDRESSES) {
  test(`${name} is still that host`, { skip: obstacle("quick") }, async () => {
    const rack = await openRack({ name: "labother" });
    try {
      const report = await runInstall(rack, { host: VM1.name, until: "installer", macs, timeoutMs: 10 * 60_000 });
      assert.equal(report.outcome, "reached", report.screen);
      const stages = (report.status.boot?.stages ?? []).map(({ stage }) => stage);
      assert.deepEqual(stages, ["dhcp", "script", "kernel"]);
    } finally {
      await rack.close();
    }
  });
}
