import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Files, holdingOrders, holdingServers } from "../../../src/balance/holding-orders.ts";
import { siteOrders } from "../../../src/balance/site-orders.ts";
import { POLICIES } from "../../../src/registry.ts";
import { siteOf } from "../../support/sites.ts";

const NAMES = ["a", "b", "c"] as const;
const servers = NAMES.map((name) => ({ name }));

const rows: ReadonlyArray<readonly [holding: string, told: string, why: string]> = [
  ["abc", "abc", "all hold it"],
  ["bc", "bc", "the first lacks it"],
  ["b", "b", "one has it"],
  ["", "abc", "nobody has told anything"],
];
for (const [holding, told, why] of rows) {
  test(`held by "${holding}", of the order abc there is ${told}: ${why}`, () => {
    const holds = (server: string, tree: string, version?: string) =>
      tree === "t" && version === "v1" && holding.includes(server);
    const names = holdingServers(servers, { tree: "t", version: "v1" }, holds).map(({ name }) => name);
    assert.equal(names.join(""), told);
  });
}

const SITE = siteOf(`site: three
subnets: [{cidr: 10.0.0.0/24, dhcp: off}]
servers:
  a: {address: 10.0.0.1}
  b: {address: 10.0.0.2}
  c: {address: 10.0.0.3}
`);

test("who holds the files keeps its place, whoever else there is, and who installs nothing has all servers", () => {
  const order = siteOrders(SITE, POLICIES);
  const clients = fc.record({ name: fc.string({ minLength: 1 }), installs: fc.boolean() });
  fc.assert(
    fc.property(clients, fc.subarray([...NAMES]), ({ name, installs }, holding) => {
      const client = { name, address: "10.0.0.9" } as Parameters<typeof order>[0];
      const files: Files = { tree: "t", version: "v1" };
      const filtered = holdingOrders(
        order,
        () => (installs ? files : undefined),
        (server) => holding.some((each) => each === server),
      );
      const all = order(client);
      const kept = all.filter((server) => holding.some((each) => each === server.name));
      assert.deepEqual(filtered(client), installs && kept.length > 0 ? kept : all);
    }),
  );
});
