/** What `apply` refuses before it touches anything; what it does is tried on a machine (test/e2e/bond-apply.test.ts). */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { bondApply, bondConfirm } from "../../../src/cli/bond-apply.ts";
import { ipv4, link, machineOf } from "../bond/machine.ts";
import { bondMachine, terminal } from "./bond-world.ts";

const FILES = { "etc/network/interfaces": "auto lo\niface lo inet loopback\n", "sys/module/bonding/version": "6\n" };
const MEMBERS = ["--members", "eth0,eth1"];

test("refuses what would cut the operator off, and touches nothing", async (t) => {
  const machine = bondMachine(t, machineOf([link("eth1", { master: "br0" })]), FILES);
  const state = join(machine.root, "state");
  const io = terminal({ SSH_CONNECTION: "10.0.0.9 5000 10.0.0.5 22" });
  const exit = await bondApply([...MEMBERS, "--address", "10.0.0.6/24", "--state", state], io, machine);
  assert.equal(exit, 1);
  const told = io.complaints.join("\n");
  assert.match(told, /^everboot: eth1 belongs to br0: /m);
  assert.match(told, /^everboot: your SSH session uses 10\.0\.0\.5, which would go: /m);
  assert.equal(/only root may/.test(told), process.getuid?.() !== 0);
  assert.ok(!existsSync(state));
});

test("refuses a lease that nobody would renew", async (t) => {
  const network = machineOf([link("eth0", { addresses: [ipv4("10.0.0.77", { dynamic: true })] })]);
  const io = terminal();
  assert.equal(await bondApply(MEMBERS, io, bondMachine(t, network, FILES)), 1);
  assert.match(io.complaints.join("\n"), /^everboot: nobody here would renew a lease on bond0/m);
});

test("refuses what the kernel would, and a time to confirm that is none", async (t) => {
  const machine = bondMachine(t, machineOf(), FILES);
  const io = terminal();
  assert.equal(await bondApply([...MEMBERS, "--mode", "802.3ad", "--primary", "eth0"], io, machine), 2);
  assert.match(io.complaints[0] ?? "", /mode 802.3ad has no primary/);
  for (const time of ["0", "soon", "1.5", "4000"]) {
    await assert.rejects(bondApply([...MEMBERS, "--confirm", time], terminal(), machine), { code: "usage" });
  }
});

test("there is nothing to confirm where nothing waits", async (t) => {
  const { root } = bondMachine(t, machineOf());
  await assert.rejects(bondConfirm(["--state", root], terminal()), { code: "bond-refused" });
});
