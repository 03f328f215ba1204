/** What netplan, networkd and NetworkManager are told is the plan, whole, for any plan. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { NetworkPlan, StackRenderer } from "../../src/bond/model.ts";
import { renderNetplan } from "../../src/bond/netplan.ts";
import { renderNetworkd } from "../../src/bond/networkd.ts";
import { renderNmconnection } from "../../src/bond/nmconnection.ts";
import { arbitraryPlan } from "../support/arbitrary-plan.ts";
import { readNetplan } from "../support/bond-readers-netplan.ts";
import { type ReadPlan, readNetworkd } from "../support/bond-readers-networkd.ts";
import { readNmconnections } from "../support/bond-readers-nm.ts";

const STACKS: ReadonlyArray<readonly [string, StackRenderer, (files: ReturnType<StackRenderer>) => ReadPlan]> = [
  ["netplan", renderNetplan, (files) => readNetplan(files.map(({ text }) => text).join(""))],
  ["networkd", renderNetworkd, readNetworkd],
  ["NetworkManager", renderNmconnection, readNmconnections],
];

function withoutHostname({ hostname: _hostname, ...plan }: NetworkPlan): ReadPlan {
  return plan;
}

for (const [stack, render, read] of STACKS) {
  test(`${stack}: reading the files again gives the plan`, () => {
    fc.assert(fc.property(arbitraryPlan(), (plan) => assert.deepEqual(read(render(plan)), withoutHostname(plan))));
  });

  test(`${stack}: no two files have the same path, and the same plan gives the same bytes`, () => {
    fc.assert(
      fc.property(arbitraryPlan(), (plan) => {
        const files = render(plan);
        assert.equal(new Set(files.map(({ path }) => path)).size, files.length);
        assert.deepEqual(render(structuredClone(plan)), files);
      }),
    );
  });
}
