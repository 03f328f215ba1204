import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  type LacpSide,
  type ProcBonding,
  type ProcLacp,
  type ProcMember,
  parseProcBonding,
} from "../../../src/bond/proc-bonding.ts";

const FOLDER = join(import.meta.dirname, "../../fixtures/proc-bonding");
const NAMES = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".txt"))
  .map((name) => name.replace(/\.txt$/, ""));
const EXPECTED: Readonly<Record<string, Summary>> = JSON.parse(readFileSync(join(FOLDER, "expected.json"), "utf8"));

type Summary = Readonly<Record<string, string | readonly string[]>>;

/** Short and whole: every value that was read is in it. */
function summaryOf(text: string): Summary {
  const bond = parseProcBonding(text);
  if (bond.kind === "refused") return { refused: bond.why };
  const { settings, driver, status, primary, active, lacp, members, unknown, truncated } = bond;
  const { miimon = "-", updelay = "-", downdelay = "-", arp_interval, arp_ip_target = [] } = settings;
  const arp = arp_interval === undefined ? "" : ` arp ${arp_interval} ${arp_ip_target.join()}`;
  return {
    ...(driver !== undefined && { driver }),
    mode: settings.mode,
    watch: `miimon ${miimon} up ${updelay} down ${downdelay}${arp}`,
    status,
    ...(primary !== undefined && { primary: words([primary, settings.primary_reselect]) }),
    ...(active !== undefined && { active }),
    options: optionsText(bond),
    ...(lacp && { lacp: lacpText(lacp) }),
    members: members.map(memberText),
    ...(unknown.length > 0 && { unknown }),
    ...(truncated !== undefined && { truncated }),
  };
}

function optionsText({ settings, peerNotifyDelay, arpMissedMax, nsTargets }: ProcBonding): string {
  const { fail_over_mac, lacp_rate, xmit_hash_policy, ad_select, min_links } = settings;
  const named = { fail_over_mac, lacp_rate, xmit_hash_policy, ad_select, min_links };
  const more = { peer: peerNotifyDelay, missed: arpMissedMax, ns: nsTargets?.join() };
  return pairs({ ...named, ...more });
}

function lacpText({ active, systemPriority, system, aggregator }: ProcLacp): string {
  const chosen =
    typeof aggregator === "object"
      ? parts([aggregator.id, aggregator.ports, aggregator.actorKey, aggregator.partnerKey, aggregator.partner])
      : aggregator;
  return pairs({
    active: active === undefined ? undefined : active ? "on" : "off",
    system: system === undefined ? undefined : parts([systemPriority, system]),
    aggregator: chosen,
  });
}

function memberText({
  name,
  status,
  speed,
  duplex,
  failures,
  mac,
  queue,
  aggregator,
  actor,
  partner,
}: ProcMember): string {
  const sides = { aggregator, actor: sideText(actor), partner: sideText(partner) };
  return words([
    name,
    status,
    pairs({ speed }),
    duplex,
    pairs({ lost: failures }),
    mac,
    pairs({ queue }),
    pairs(sides),
  ]);
}

function sideText(side: LacpSide | undefined): string | undefined {
  if (side === undefined) return undefined;
  const { churn, churned, systemPriority, system, key, portPriority, port, state } = side;
  return parts([churn, churned, systemPriority, system, key, portPriority, port, state]);
}

type Value = string | number | undefined;

function pairs(values: Readonly<Record<string, Value>>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return given.map(([key, value]) => `${key}=${value}`).join(" ");
}

function words(values: readonly Value[]): string {
  return values.filter((value) => value !== undefined && value !== "").join(" ");
}

function parts(values: readonly Value[]): string {
  return values.filter((value) => value !== undefined).join("/");
}

test("every text has its expected values, of every mode and at least 60 in all", () => {
  assert.deepEqual(NAMES.sort(), Object.keys(EXPECTED).sort());
  assert.ok(NAMES.length >= 60);
  const modes = new Set(Object.values(EXPECTED).flatMap(({ mode }) => (mode === undefined ? [] : [mode])));
  assert.equal(modes.size, 7);
});

for (const name of NAMES) {
  const text = readFileSync(join(FOLDER, `${name}.txt`), "utf8");

  test(`${name}: its values, or why there are none`, () => {
    const { options = "", unknown, ...rest } = summaryOf(text);
    const { options: wantOptions = "", unknown: wantUnknown, ...want } = EXPECTED[name] ?? {};
    assert.deepEqual(rest, want);
    assert.deepEqual(String(options).split(" ").sort(), String(wantOptions).split(" ").sort());
    assert.deepEqual(unknown, wantUnknown);
  });
}

test("a text without end is refused before it is read", () => {
  const refusal = parseProcBonding(`Bonding Mode: adaptive load balancing\n${"\n".repeat(300_000)}`);
  assert.deepEqual(refusal, { kind: "refused", why: "it is too long for the text of a bond" });
});

test("a name that would lead out of its folder is no member", () => {
  const bond = parseProcBonding("Bonding Mode: adaptive load balancing\nSlave Interface: ../../etc\nMII Status: up\n");
  assert.ok(bond.kind === "bond");
  assert.deepEqual(bond.members, []);
  assert.equal(bond.truncated, "MII Status of the bond");
});
