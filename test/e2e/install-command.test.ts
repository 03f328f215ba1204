/** `everboot install`, `plan`, `cancel`: permits as an operator handles them, against a running daemon. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { namespaceObstacle } from "../../lab/netns.ts";
import { openRack } from "../../lab/rack.ts";
import { noiseTree } from "../../lab/simulate/tree.ts";

test("a permit is issued, shown, refused twice, replaced and taken back", {
  skip: namespaceObstacle() ?? false,
}, async (context) => {
  const rack = await openRack({ name: "evp", tree: noiseTree({ packages: 1, bytes: 1000 }) });
  context.after(rack.close);
  const everboot = (...args: string[]) => rack.everboot(...args, "--state", rack.state);

  assert.match(
    (await everboot("plan", "vm1")).stdout,
    /^vm1 \(192\.168\.77\.101\): local\n {2}boots from its disk: it has no permit/,
  );

  const issued = await everboot("install", "vm1", "--minutes", "30");
  assert.match(issued.stdout, /^vm1: permit [0-9a-f]{8}, until 20\S+Z: boot it from the network\n$/);
  assert.match(
    (await everboot("status", "vm1")).stdout,
    /^vm1 {2}permitted .* ends in (29|30) min\n {2}waiting for the machine to boot/,
  );

  const again = await everboot("install", "vm1");
  assert.deepEqual([again.code, again.stdout], [1, ""]);
  assert.match(again.stderr, /^everboot: vm1 has a permit that ends \S+: cancel it first\n$/);

  const plan = JSON.parse((await everboot("plan", "vm1", "--firmware", "uefi", "--json")).stdout);
  assert.equal(plan.action, "install");
  assert.deepEqual(
    plan.steps.map(({ gets }: { gets: string }) => gets),
    ["snponly.efi", "boot/ipxe/52-54-00-00-00-01"],
  );

  const all = await everboot("install", "--all", "--replace");
  assert.deepEqual(
    all.stdout.split("\n").map((line) => line.split(":")[0]),
    ["vm1", "vm2", ""],
  );
  assert.match(
    (await everboot("cancel", "vm1", "vm2")).stdout,
    /^vm1: permit \S+ taken back\nvm2: permit \S+ taken back\n$/,
  );
  assert.match((await everboot("plan", "vm2")).stdout, /boots from its disk: its permit was taken back/);
  assert.match((await everboot("render", "vm1")).stdout, /^# Everboot: vm1, profile small\n/);
});
