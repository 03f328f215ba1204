import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { openJournal } from "../../../../src/cluster/journal.ts";
import { openPermits } from "../../../../src/cluster/permits.ts";
import { createPermitGate } from "../../../../src/server/boot/permit-gate.ts";
import { createMemoryStore } from "../../../../src/store/memory.ts";
import { createFakeClock } from "../../../support/fake-clock.ts";

const HOUR = 3_600_000;

async function open() {
  const clock = createFakeClock();
  const store = createMemoryStore();
  const journal = await openJournal({ store, clock });
  const permits = await openPermits({ store, clock, journal, random: randomBytes });
  return { clock, permits, gate: createPermitGate(permits, clock) };
}

async function why(gate: Awaited<ReturnType<typeof open>>["gate"]): Promise<string> {
  const [peeked, given] = [gate.peek("vm1"), await gate.handOut("vm1")];
  assert.deepEqual(peeked, given, "what DHCP foresees is what the script gets");
  return given.kind === "none" ? given.why : "permit";
}

test("a host without a permit is told so", async () => {
  const { gate } = await open();
  assert.equal(await why(gate), "it has no permit to be installed");
});

test("a permit is handed out until its installer has begun to write, then never again", async () => {
  const { gate, permits } = await open();
  const { token } = await permits.issue("vm1");
  assert.equal((await gate.handOut("vm1")).kind, "permit");
  assert.equal((await gate.handOut("vm1")).kind, "permit");
  assert.equal(gate.bootable(token)?.host, "vm1");
  assert.equal(await gate.report(token, "partition"), "accepted");
  assert.match(await why(gate), /begun to write/);
  assert.equal(gate.bootable(token), undefined);
  assert.equal(await gate.report(token, "done"), "accepted");
  assert.match(await why(gate), /used up/);
});

test("a permit tells the server that it was handed out for, to all who read it", async () => {
  const { gate, permits } = await open();
  const { token } = await permits.issue("vm1");
  const given = await gate.handOut("vm1", { server: "server2" });
  assert.equal(given.kind === "permit" && given.permit.server, "server2");
  assert.equal(gate.bootable(token)?.permit.server, "server2");
});

test("a token is good with the id of a boot behind it, which the gate tells and hands on", async () => {
  const { gate, permits } = await open();
  const { token, id } = await permits.issue("vm1");
  const carried = `${token}-0123abcd`;
  assert.equal(gate.bootable(carried)?.permit.token, carried);
  assert.deepEqual(gate.reporting(carried), { host: "vm1", id, trace: "0123abcd" });
  assert.deepEqual(gate.reporting(token), { host: "vm1", id });
  assert.equal(await gate.report(carried, "done"), "accepted");
  assert.equal(permits.newestOf("vm1")?.state, "used");
  for (const bad of [`${token}-`, `${token}-0123abc`, `${token}-0123abcdef`, `-0123abcd`, "0123abcd"])
    assert.equal(gate.reporting(bad), undefined, bad);
});

test("an installer that asks again whether it may write is told yes again", async () => {
  const { gate, permits } = await open();
  const { token } = await permits.issue("vm1");
  assert.equal(await gate.report(token, "partition"), "accepted");
  assert.equal(await gate.report(token, "partition"), "accepted");
});

for (const end of ["done", "failed"] as const) {
  test(`after ${end} an installer may not begin to write again`, async () => {
    const { gate, permits } = await open();
    const { token } = await permits.issue("vm1");
    await gate.report(token, "partition");
    await gate.report(token, end);
    assert.equal(await gate.report(token, "partition"), "refused");
  });
}

test("a permit that was taken back refuses every report", async () => {
  const { gate, permits } = await open();
  const { token } = await permits.issue("vm1");
  await permits.cancel("vm1");
  for (const event of ["answer", "partition", "done"] as const)
    assert.equal(await gate.report(token, event), "refused");
  assert.match(await why(gate), /taken back/);
});

test("an expired permit is not handed out, but its running install may end", async () => {
  const { gate, permits, clock } = await open();
  const { token } = await permits.issue("vm1", { lifetimeMs: HOUR });
  await gate.handOut("vm1");
  clock.advance(HOUR);
  assert.match(await why(gate), /expired/);
  assert.equal(gate.bootable(token), undefined);
  assert.equal(await gate.report(token, "done"), "accepted");
});

test("another permit makes the first one's token worthless", async () => {
  const { gate, permits } = await open();
  const first = await permits.issue("vm1");
  await permits.issue("vm1", { replace: true });
  assert.equal(gate.reporting(first.token), undefined);
  assert.equal(await gate.report(first.token, "partition"), "refused");
});
