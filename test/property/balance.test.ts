/** What holds for the orders of any site: who is in them, how even they are, and how little moves when it changes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { BalancePolicy, Client, Loads, ServerShare } from "../../src/balance/policy.ts";
import { rendezvous } from "../../src/balance/rendezvous.ts";
import { ipv4FromNumber } from "../../src/base/address.ts";
import { POLICIES } from "../../src/registry.ts";
import { countFirst, ordersOf, UNTOLD } from "../unit/balance/orders.ts";

/** Movement and chance have bounds that hold for nearly all names: the seed keeps the names the same. */
const RUNS = { numRuns: 60, seed: 20260 };

const dnsLabel = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);

function serversOf(limits: { minLength: number; maxLength: number }, weight = fc.integer({ min: 1, max: 5 })) {
  const server = fc.record(
    { name: dnsLabel, weight, serves: fc.constantFrom("odd" as const, "even" as const) },
    { requiredKeys: ["name", "weight"] },
  );
  return fc.uniqueArray(server, { ...limits, selector: ({ name }) => name }) as fc.Arbitrary<ServerShare[]>;
}

/** `minLength` to `maxLength` hosts as sites have them, `rack7-1` on, or with names by chance. */
function hostsOf(limits: { minLength: number; maxLength: number }): fc.Arbitrary<Client[]> {
  const numbered = fc
    .tuple(fc.integer({ min: limits.minLength, max: limits.maxLength }), fc.integer({ min: 0, max: 999 }))
    .map(([count, rack]) => Array.from({ length: count }, (_, index) => `rack${rack}-${index + 1}`));
  const chance = fc.uniqueArray(dnsLabel, { ...limits, size: "max" });
  return fc.oneof(numbered, chance).map((names) => names.map(addressed));
}

function addressed(name: string, index: number): Client {
  return { name, address: ipv4FromNumber(0x0a000001 + index) };
}

const load = fc.record({ rate: fc.nat(1e9), installs: fc.nat(1000), queue: fc.nat(1000) });

function loadsOf(servers: readonly ServerShare[]): fc.Arbitrary<Loads> {
  return fc
    .tuple(...servers.map(() => fc.option(load, { nil: undefined })))
    .map((loads) => new Map(servers.flatMap(({ name }, index) => (loads[index] ? [[name, loads[index]]] : []))));
}

const anySite = fc
  .tuple(hostsOf({ minLength: 0, maxLength: 40 }), serversOf({ minLength: 1, maxLength: 9 }))
  .chain(([hosts, servers]) => fc.tuple(fc.constant(hosts), fc.constant(servers), loadsOf(servers)));

/** Hosts whose first server is another one, among those that are in both. */
function movedOf(before: ReturnType<typeof ordersOf>, after: ReturnType<typeof ordersOf>): string[] {
  return [...after].flatMap(([host, [first]]) => {
    const [was = first] = before.get(host) ?? [];
    return was === first ? [] : [host];
  });
}

for (const policy of POLICIES.values()) testPort(policy);

function testPort(policy: BalancePolicy): void {
  test(`${policy.name}: an order holds every server once, for hosts and strangers`, () => {
    fc.assert(
      fc.property(anySite, dnsLabel, ([hosts, servers, loads], stranger) => {
        const names = servers.map(({ name }) => name).sort();
        const orders = policy.prepare(hosts, servers);
        for (const client of [...hosts, addressed(stranger, 77)]) {
          assert.deepEqual([...orders(client, loads)].sort(), names);
        }
      }),
      RUNS,
    );
  });

  test(`${policy.name}: every server computes the same, in whichever sequence it lists hosts, servers and figures`, () => {
    fc.assert(
      fc.property(anySite, ([hosts, servers, loads]) => {
        const other = ordersOf(policy, hosts.toReversed(), servers.toReversed(), new Map([...loads].reverse()));
        for (const [host, order] of ordersOf(policy, hosts, servers, loads)) assert.deepEqual(other.get(host), order);
      }),
      RUNS,
    );
  });
}

const fleet = fc.tuple(hostsOf({ minLength: 64, maxLength: 1000 }), serversOf({ minLength: 2, maxLength: 9 }));

test("rendezvous: every server has its share by weight, within one host or a hundredth", () => {
  fc.assert(
    fc.property(fleet, ([hosts, servers]) => {
      const counts = countFirst(ordersOf(rendezvous, hosts, servers));
      assertShares(counts, servers, hosts.length, ({ share }) => Math.max(1, share / 100));
    }),
    RUNS,
  );
});

test("rendezvous: when any one server dies the others have their shares by weight, within 10 % and two hosts", () => {
  fc.assert(
    fc.property(fleet, ([hosts, servers]) => {
      const orders = ordersOf(rendezvous, hosts, servers);
      for (const { name: dead } of servers) {
        const living = servers.filter(({ name }) => name !== dead);
        assertShares(countFirst(orders, [dead]), living, hosts.length, ({ share }) => share / 10 + 2);
      }
    }),
    RUNS,
  );
});

function assertShares(
  counts: Record<string, number>,
  servers: readonly ServerShare[],
  hosts: number,
  tolerance: (about: { share: number }) => number,
): void {
  const weights = servers.reduce((sum, { weight }) => sum + weight, 0);
  for (const { name, weight } of servers) {
    const share = (hosts * weight) / weights;
    const off = Math.abs((counts[name] ?? 0) - share);
    assert.ok(off <= tolerance({ share }) + 1e-9, `${name} has ${counts[name]} of ${hosts}, and its share is ${share}`);
  }
}

test("rendezvous: one host more moves fewer of the others than there are servers", () => {
  fc.assert(
    fc.property(fleet, fc.nat(), ([hosts, servers], pick) => {
      const fewer = hosts.toSpliced(pick % hosts.length, 1);
      const moved = movedOf(ordersOf(rendezvous, fewer, servers), ordersOf(rendezvous, hosts, servers));
      assert.ok(moved.length < servers.length, `${moved.length} of ${hosts.length} hosts, ${servers.length} servers`);
    }),
    RUNS,
  );
});

test("rendezvous: a server that joins or leaves the site moves few hosts between the others", () => {
  fc.assert(
    fc.property(fleet, ([hosts, servers]) => {
      const [one, ...others] = servers;
      const without = ordersOf(rendezvous, hosts, others);
      const joined = ordersOf(rendezvous, hosts, servers);
      const between = movedOf(without, joined).filter((host) => joined.get(host)?.[0] !== one?.name);
      assert.ok(between.length <= 2 * Math.sqrt(hosts.length), `${between.length} of ${hosts.length}`);
    }),
    RUNS,
  );
});

test("rendezvous: a stranger has the same order among the others when a server joins or leaves the site", () => {
  fc.assert(
    fc.property(fleet, dnsLabel, ([hosts, servers], name) => {
      const [one, ...others] = servers;
      const stranger = addressed(`52:54:00:${name}`, 0);
      const order = rendezvous.prepare(hosts, servers)(stranger, UNTOLD);
      const without = rendezvous.prepare(hosts, others)(stranger, UNTOLD);
      assert.deepEqual(
        order.filter((server) => server !== one?.name),
        without,
      );
    }),
    RUNS,
  );
});
