import assert from "node:assert/strict";
import { test } from "node:test";
import type { Member, Members } from "../../../src/cluster/members.ts";
import { RestartTurn, type SiteChange, siteChange } from "../../../src/cluster/site-change.ts";
import { exampleSite } from "../../support/sites.ts";

/** What is written in the file, in place of what; and what it takes. */
const CHANGES: ReadonlyArray<readonly [what: string, from: string, to: string, takes: SiteChange]> = [
  ["nothing", "site:", "site:", "none"],
  ["a comment", "site:", "# ours\nsite:", "swap"],
  ["a host's address", "address: 192.168.0.129", "address: 192.168.0.229", "swap"],
  ["a server's weight", "interface: eth0", "interface: eth0\n    weight: 3", "swap"],
  ["how many installs a server takes", "interface: eth0", "interface: eth0\n    installs: 10", "swap"],
  ["how long leases last", "lease: 4h", "lease: 1h", "swap"],
  ["another network", "subnets:", "subnets:\n  - cidr: 10.9.0.0/24", "restart"],
  ["no DHCP any more", "dhcp: authoritative", 'dhcp: "off"', "restart"],
  ["a server's interface", "interface: eth0", "interface: eth1", "restart"],
  ["a server's port", "interface: eth0", "interface: eth0\n    http_port: 8080", "restart"],
  ["FTP at a server", "interface: eth0", "interface: eth0\n    ftp: true", "restart"],
  ["the first profile by NFS", "via: http", "via: nfs", "restart"],
  ["no DNS any more", "subnets:", 'dns: "off"\nsubnets:', "restart"],
  ["a server's floating address", "floating: 192.168.0.253", "floating: 192.168.0.252", "restart"],
  ["the router, by which servers tell who is cut off", "router: 192.168.0.1", "router: 192.168.0.2", "restart"],
];

for (const [what, from, to, takes] of CHANGES) {
  test(`${what}: ${takes}`, () => {
    const after = exampleSite("pair", (text) => {
      assert.ok(text.includes(from), `the example has no ${from}`);
      return text.replace(from, to);
    });
    assert.equal(siteChange(exampleSite("pair"), after), takes);
  });
}

test("one server does not ask the router: another one is exchanged", () => {
  const after = exampleSite("single", (text) => text.replace("router: 192.168.77.1", "router: 192.168.77.2"));
  assert.equal(siteChange(exampleSite("single"), after), "swap");
});

const AFTER = exampleSite("pair", (text) => text.replace("interface: eth0", "interface: eth1"));
const [FIRST = "", SECOND = ""] = [...AFTER.servers.keys()].toSorted();

function membersWith(name: string, member: Pick<Member, "fresh" | "revision">): Members {
  return new Map([[name, { name, rate: 0, queue: 0, draining: false, outbox: 0, ...member }]]);
}

const OLD = membersWith(FIRST, { fresh: true, revision: "old" });
const AWAY = membersWith(FIRST, { fresh: false, revision: "old" });
const NEW = membersWith(FIRST, { fresh: true, revision: AFTER.revision });

test("the first server waits for nobody, the second one until the first serves the new revision", () => {
  const view = { now: 0, members: membersWith(SECOND, { fresh: true, revision: "old" }), isCaughtUp: true };
  assert.deepEqual(new RestartTurn(FIRST, AFTER).waitsFor(view), []);
  const second = new RestartTurn(SECOND, AFTER);
  assert.deepEqual(second.waitsFor({ now: 0, members: OLD, isCaughtUp: true }), [FIRST]);
  assert.deepEqual(second.waitsFor({ now: 5000, members: AWAY, isCaughtUp: true }), [FIRST], "it restarts");
  assert.deepEqual(second.waitsFor({ now: 9000, members: NEW, isCaughtUp: true }), []);
});

test("a server that cannot serve the new revision stops all behind it", () => {
  const second = new RestartTurn(SECOND, AFTER);
  for (const now of [0, 100_000, 900_000])
    assert.deepEqual(second.waitsFor({ now, members: OLD, isCaughtUp: true }), [FIRST]);
});

test("a server that was away all the time is not waited for, one that died meanwhile for a minute", () => {
  assert.deepEqual(new RestartTurn(SECOND, AFTER).waitsFor({ now: 0, members: AWAY, isCaughtUp: true }), []);
  const second = new RestartTurn(SECOND, AFTER);
  second.waitsFor({ now: 0, members: OLD, isCaughtUp: true });
  assert.deepEqual(second.waitsFor({ now: 60_000, members: AWAY, isCaughtUp: true }), [FIRST]);
  assert.deepEqual(second.waitsFor({ now: 60_001, members: AWAY, isCaughtUp: true }), []);
});

test("who is cut off from the cluster waits, and its minute begins anew", () => {
  const second = new RestartTurn(SECOND, AFTER);
  second.waitsFor({ now: 0, members: OLD, isCaughtUp: true });
  assert.deepEqual(second.waitsFor({ now: 300_000, members: AWAY, isCaughtUp: false }), ["the cluster"]);
  assert.deepEqual(second.waitsFor({ now: 301_000, members: AWAY, isCaughtUp: true }), [FIRST]);
});

test("all wait for a server that is left out to end, a quarter of a minute at most", () => {
  const left = membersWith("third", { fresh: true, revision: "old" });
  const gone = membersWith("third", { fresh: false, revision: "old" });
  const first = new RestartTurn(FIRST, AFTER);
  assert.deepEqual(first.waitsFor({ now: 0, members: left, isCaughtUp: true }), ["third"]);
  assert.deepEqual(first.waitsFor({ now: 3000, members: gone, isCaughtUp: true }), []);
  assert.deepEqual(first.waitsFor({ now: 15_000, members: left, isCaughtUp: true }), ["third"]);
  assert.deepEqual(first.waitsFor({ now: 15_001, members: left, isCaughtUp: true }), []);
});
