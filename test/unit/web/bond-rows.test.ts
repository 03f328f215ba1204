import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Mac } from "../../../src/base/address.ts";
import { parseProcBonding } from "../../../src/bond/proc-bonding.ts";
import type { HostBond } from "../../../src/site/model.ts";
import { bondRows } from "../../../web/src/bond-rows.ts";

const folder = new URL("../../fixtures/proc-bonding/", import.meta.url);

function found(name: string) {
  const text = readFileSync(new URL(name, folder), "utf8");
  return { at: 0, text: "", bond: parseProcBonding(text) };
}

function declare(members: readonly string[], more: Partial<HostBond> = {}): { readonly bond: HostBond } {
  return {
    bond: { device: "bond0", vlans: [], mode: "active-backup", miimon: 100, members: members as Mac[], ...more },
  };
}

/** Permanent addresses of the members in a text. */
function macsOf(name: string): string[] {
  const { bond } = found(name);
  return bond.kind === "bond" ? bond.members.flatMap(({ mac }) => (mac === undefined ? [] : [mac])) : [];
}

test("a host without a bond has nothing to draw", () => {
  assert.equal(bondRows({ declared: {} }), undefined);
});

test("before its first report each declared member is awaited", () => {
  const rows = bondRows({
    declared: declare(["52:54:00:00:00:01", "52:54:00:00:00:02"], { primary: "52:54:00:00:00:02" as Mac }),
  });
  assert.deepEqual(
    rows?.members.map(({ name, presence, isPrimary }) => [name, presence, isPrimary]),
    [
      ["NIC 1", "awaited", false],
      ["NIC 2", "awaited", true],
    ],
  );
  assert.ok(rows?.settings.every(({ found: text, isUnlike }) => text === undefined && !isUnlike));
});

test("a member that is down, of a real report", () => {
  const file = "ab-3.6.0-primary-down.txt";
  const macs = macsOf(file);
  const rows = bondRows({ declared: declare(macs), found: found(file) });
  assert.equal(rows?.members.length, macs.length);
  assert.ok(rows?.members.every(({ presence }) => presence === "found"));
  assert.equal(rows?.members.filter(({ isUp }) => !isUp).length, 1);
  assert.equal(rows?.members.filter(({ isActive }) => isActive).length, 1);
  assert.ok(rows?.members.every(({ isActive, isUp }) => !isActive || isUp));
});

test("a member that is missing and one that was not declared", () => {
  const file = "ab-3.6.0-primary-down.txt";
  const [first = "", second = ""] = macsOf(file);
  const rows = bondRows({ declared: declare([first, "52:54:00:00:00:99"]), found: found(file) });
  assert.deepEqual(
    rows?.members.map(({ mac, presence }) => [mac, presence]),
    [
      [first, "found"],
      ["52:54:00:00:00:99", "missing"],
      [second, "foreign"],
    ],
  );
});

test("settings: what is unlike is marked, what was not declared never is, and delays are rounded as the kernel rounds them", () => {
  const bond = {
    kind: "bond" as const,
    settings: { mode: "802.3ad" as const, miimon: 100, updelay: 200, lacp_rate: "slow" as const, min_links: 0 },
    status: "up" as const,
    members: [],
    unknown: [],
  };
  const declared = declare([], { mode: "802.3ad", miimon: 100, updelay: 250, lacp_rate: "fast" });
  const rows = bondRows({ declared, found: { at: 0, text: "", bond } });
  assert.deepEqual(
    rows?.settings.map(({ key, isUnlike }) => [key, isUnlike]),
    [
      ["mode", false],
      ["miimon", false],
      ["updelay", false],
      ["lacp_rate", true],
      ["min_links", false],
    ],
  );
});
