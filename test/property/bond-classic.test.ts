/** Whatever the model allows is read back from each stack's files as it was declared. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { dracutArguments } from "../../src/bond/dracut.ts";
import { renderIfcfgRedhat } from "../../src/bond/ifcfg-redhat.ts";
import { renderIfcfgSuse } from "../../src/bond/ifcfg-suse.ts";
import { renderIfupdown } from "../../src/bond/ifupdown.ts";
import type { NetworkPlan } from "../../src/bond/model.ts";
import { renderModprobe } from "../../src/bond/modprobe.ts";
import { bondFaults } from "../../src/bond/rules.ts";
import { arbitraryPlan } from "../support/arbitrary-plan.ts";
import { installerPlan, readDracut } from "../support/bond-readers-dracut.ts";
import { readIfcfgRedhat, readIfcfgSuse } from "../support/bond-readers-ifcfg.ts";
import { readIfupdown } from "../support/bond-readers-ifupdown.ts";
import type { ReadPlan } from "../support/bond-readers-networkd.ts";
import { bondSettings, optionMap } from "../support/bond-readers-options.ts";

const RUNS = { numRuns: 300 };

test("the plans of these properties pass the kernel's rules", () => {
  fc.assert(
    fc.property(arbitraryPlan(), ({ bond }) => {
      assert.deepEqual(bond ? bondFaults(bond, bond.members.length) : [], []);
    }),
    RUNS,
  );
});

test("ifupdown says the plan, with the member that has the bond's address first", () => {
  fc.assert(
    fc.property(arbitraryPlan(), (plan) => {
      const [file] = renderIfupdown(plan);
      const { bond } = plan;
      const first = bond?.members.filter((nic) => nic.mac === bond.mac) ?? [];
      const members = [...first, ...(bond?.members.filter((nic) => !first.includes(nic)) ?? [])];
      const expected = bond ? { ...plan, nics: members, bond: { ...bond, members } } : plan;
      assert.deepEqual(readIfupdown(file?.text ?? "", plan.nics), withoutHostname(expected));
    }),
    RUNS,
  );
});

test("Red Hat's ifcfg files say the plan", () => {
  fc.assert(
    fc.property(arbitraryPlan(), (plan) => {
      assert.deepEqual(readIfcfgRedhat(renderIfcfgRedhat(plan)), withoutHostname(plan));
    }),
    RUNS,
  );
});

test("SUSE's ifcfg files say the plan but for name servers", () => {
  fc.assert(
    fc.property(arbitraryPlan(), (plan) => {
      const devices = plan.devices.map((device) => {
        if (device.addressing.kind !== "static") return device;
        const { domain: _domain, ...addressing } = device.addressing;
        return { ...device, addressing: { ...addressing, dns: [] } };
      });
      assert.deepEqual(readIfcfgSuse(renderIfcfgSuse(plan), plan.nics), withoutHostname({ ...plan, devices }));
    }),
    RUNS,
  );
});

test("dracut's arguments say what an installer's network can have, each without spaces", () => {
  fc.assert(
    fc.property(arbitraryPlan(), fc.boolean(), (plan, hostname) => {
      const args = dracutArguments(plan, { hostname });
      const expected = installerPlan(plan);
      assert.ok(
        args.every((arg) => /^[\w.:,=+-]+$/.test(arg)),
        args.join("\n"),
      );
      assert.deepEqual(expected ? readDracut(args) : args, expected ?? []);
    }),
    RUNS,
  );
});

test("the driver's own parameters say the bond's settings", () => {
  fc.assert(
    fc.property(arbitraryPlan(), (plan) => {
      const { bond } = plan;
      const text = renderModprobe(plan)[0]?.text ?? "";
      const [, alias, options = ""] = /^alias (\S+) bonding\noptions bonding max_bonds=[01] (.*)\n$/.exec(text) ?? [];
      assert.equal(alias, bond?.name);
      if (!bond) return assert.equal(text, "");
      const driver = optionMap(options, " ");
      const { name: _name, members: _members, primary, mac: _mac, ...settings } = bond;
      assert.deepEqual(bondSettings(driver), settings);
      assert.equal(driver.get("primary"), primary?.name);
    }),
    RUNS,
  );
});

function withoutHostname({ hostname: _hostname, ...plan }: NetworkPlan): ReadPlan {
  return plan;
}
