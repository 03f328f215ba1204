import assert from "node:assert/strict";
import { test } from "node:test";
import { siteOrders } from "../../../../src/balance/site-orders.ts";
import type { Ipv4 } from "../../../../src/base/address.ts";
import type { Permit } from "../../../../src/cluster/permit-rules.ts";
import { POLICIES } from "../../../../src/registry.ts";
import { InstallServers } from "../../../../src/server/boot/install-servers.ts";
import { siteOf } from "../../../support/sites.ts";

const SITE = siteOf(`site: three
balance: parity
subnets: [{cidr: 10.0.0.0/24, dhcp: off}]
servers:
  a: {address: 10.0.0.1, floating: 10.0.0.11, serves: odd}
  b: {address: 10.0.0.2, floating: 10.0.0.12, serves: even}
trees:
  t: {family: debian, release: bookworm, path: /t}
  other: {family: debian, release: trixie, path: /other}
profiles: {p: {tree: t}, q: {tree: other}}
hosts:
  h: {nics: ["52:54:00:00:00:01"], address: 10.0.0.101, profile: p}
  g: {nics: ["52:54:00:00:00:02"], address: 10.0.0.103, profile: q}
`);
const host = SITE.hosts.get("h") ?? assert.fail();
const HOUR = 3_600_000;
const permit: Permit = {
  ...{ id: "p1", token: "t0ken", host: "h", issued: 0, expires: HOUR, state: "started", changed: 0, handOuts: 1 },
  ...{ tree: "t", version: "v1" },
};

/** Of `t` server a has v1, b has v1 and v2, which is current; of `other` both have what there is. */
function open(given: { permit?: Permit; current?: string | undefined; now?: number } = {}) {
  const current = "current" in given ? given.current : "v2";
  const held: Readonly<Record<string, readonly string[]>> = { a: ["v1"], b: ["v1", "v2"] };
  return new InstallServers({
    site: SITE,
    order: siteOrders(SITE, POLICIES),
    versions: {
      lastCurrent: (tree) => (tree === "t" ? current : "w"),
      holds: (server, tree, version) =>
        version === undefined || tree === "other" || (held[server]?.includes(version) ?? false),
    },
    permitOf: () => given.permit,
    now: () => given.now ?? 0,
  });
}

const told = (servers: InstallServers) =>
  servers
    .order(host)
    .map(({ name }) => name)
    .join("");

const orders: ReadonlyArray<readonly [string, Parameters<typeof open>[0], string]> = [
  ["without a permit by the current version", {}, "b"],
  ["while its install runs by that of its permit", { permit }, "ab"],
  ["when its permit was issued anew by the current one", { permit: { ...permit, state: "issued", tree: "" } }, "b"],
  ["when its install is over by the current one", { permit: { ...permit, state: "used" } }, "b"],
  ["when its permit is long over by the current one", { permit, now: 40 * HOUR }, "b"],
  ["when its permit is of another tree by the current one", { permit: { ...permit, tree: "other" } }, "b"],
  ["of a plain tree all servers", { current: undefined }, "ab"],
  ["of a version that nobody has all servers", { current: "v9" }, "ab"],
];
for (const [what, given, names] of orders) {
  test(`the order of a host: ${what}`, () => assert.equal(told(open(given)), names));
}

test("a version that is named counts, whatever the permit says", () => {
  const servers = open({ permit });
  assert.deepEqual(
    servers.fit(host, "v2").map(({ name }) => name),
    ["b"],
  );
  assert.equal(servers.isFit("a", host.address, "v2"), false);
  assert.equal(servers.isFit("a", host.address), true);
  assert.equal(servers.isFit("a", "10.0.0.77", "v2"), true, "a stranger installs nothing");
});

const A = "10.0.0.11";
const B = "10.0.0.12";
const STRANGER = "10.0.0.77";
const names: ReadonlyArray<
  readonly [what: string, client: string, dead: string, draining: string, given: Parameters<typeof open>[0], string[]]
> = [
  ["a host: who has its version", host.address, "", "", {}, [B]],
  ["a host that runs: who has that", host.address, "", "", { permit }, [A, B]],
  ["a host whose holder leaves: the holder", host.address, "", "b", {}, [B]],
  ["a host whose holder is dead: who lives", host.address, "b", "", {}, [A]],
  ["a host of another tree: all", "10.0.0.103", "", "", {}, [A, B]],
  ["a stranger: who has all current versions", STRANGER, "", "", {}, [B]],
  ["a stranger, nobody has all: all that live", STRANGER, "", "", { current: "v9" }, [A, B]],
  ["a stranger, all is everywhere: who does not leave", STRANGER, "", "a", { current: "v1" }, [B]],
  ["all leave", STRANGER, "", "ab", { current: "v1" }, [A, B]],
];
for (const [what, client, dead, draining, given, addresses] of names) {
  test(`the install name for ${what}`, () => {
    const standing = {
      isAlive: (name: string) => !dead.includes(name),
      isDraining: (name: string) => draining.includes(name),
    };
    assert.deepEqual(open(given).addresses(client as Ipv4, standing), addresses);
  });
}

test("who is sent elsewhere is sent in its host's order", () => {
  assert.equal(open().ordered(host.address)[0]?.name, "a", "odd addresses are a's");
  assert.deepEqual(
    open()
      .ordered(STRANGER)
      .map(({ name }) => name),
    ["a", "b"],
  );
});
