import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { readBonds } from "../../../src/net/bond-files.ts";

const FIXTURES = join(import.meta.dirname, "../../fixtures/proc-bonding");

/** A folder with these bonds below proc, by their fixture's name, and these files below sys/class/net. */
function rootWith(
  t: TestContext,
  bonds: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>> = {},
) {
  const root = mkdtempSync(join(tmpdir(), "everboot-bonds-"));
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "proc/net"), { recursive: true });
  if (Object.keys(bonds).length > 0) mkdirSync(join(root, "proc/net/bonding"));
  for (const [name, fixture] of Object.entries(bonds)) {
    cpSync(join(FIXTURES, `${fixture}.txt`), join(root, "proc/net/bonding", name));
  }
  for (const [path, content] of Object.entries(files)) {
    const absolute = join(root, "sys/class/net", path);
    mkdirSync(dirname(absolute), { recursive: true });
    writeFileSync(absolute, `${content}\n`);
  }
  return root;
}

test("every bond with what sysfs knows of its members, sorted by name", async (t) => {
  const root = rootWith(
    t,
    { bond1: "bad-empty", bond0: "ab-6.1-going-down" },
    {
      "eth0/statistics/rx_packets": "1406",
      "eth0/statistics/tx_packets": "1411",
      "eth0/statistics/rx_errors": "2",
      "eth0/statistics/tx_errors": "0",
      "eth0/bonding_slave/state": "active",
      "eth0/bonding_slave/ad_actor_oper_port_state": "N/A",
      "eth1/statistics/rx_packets": "7",
    },
  );
  const bonds = await readBonds(root);
  assert.deepEqual(
    bonds.map(({ name, text }) => [name, text.kind]),
    [
      ["bond0", "bond"],
      ["bond1", "refused"],
    ],
  );
  assert.deepEqual(
    [...(bonds[0]?.members ?? [])],
    [
      ["eth0", { counters: { rxPackets: 1406, txPackets: 1411, rxErrors: 2, txErrors: 0 }, role: "active" }],
      ["eth1", {}],
    ],
  );
});

test("LACP states, which the bond's text shows to root alone", async (t) => {
  const root = rootWith(
    t,
    { bond0: "lacp-6.4-not-root" },
    {
      "macvlan1/bonding_slave/ad_actor_oper_port_state": "63",
      "macvlan1/bonding_slave/ad_partner_oper_port_state": "61",
    },
  );
  const [bond] = await readBonds(root);
  assert.deepEqual(bond?.members.get("macvlan1"), { actorState: 63, partnerState: 61 });
});

test("without the driver there are no bonds", async (t) => {
  assert.deepEqual(await readBonds(rootWith(t, {})), []);
});
