import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseRange } from "../../../../src/base/address.ts";
import { mayLend, type ShareStanding, shareOwner } from "../../../../src/server/dhcp/shares.ts";
import { ip } from "../../../support/dhcp-site.ts";

const POOL = parseRange("10.77.0.200-10.77.0.250") ?? assert.fail();
const SERVERS = ["s1", "s2", "s3"];
const OURS = ip("10.77.0.200");
const THEIRS = ip("10.77.0.201");

function standing(self: string, awayMs: number, fresh: readonly string[] = []): ShareStanding {
  return { self, servers: SERVERS, awayMs, isFresh: (name) => fresh.includes(name) };
}

test("addresses go round among the servers by name, however they are listed", () => {
  assert.equal(shareOwner(POOL, OURS, SERVERS), "s1");
  assert.equal(shareOwner(POOL, THEIRS, SERVERS.toReversed()), "s2");
  assert.equal(shareOwner(POOL, ip("10.77.0.203"), SERVERS), "s1");
});

test("its own share a server lends always, but for the moment after it was cut off", () => {
  assert.equal(mayLend(POOL, OURS, standing("s1", 0)), true);
  assert.equal(mayLend(POOL, OURS, standing("s1", 1)), false);
  assert.equal(mayLend(POOL, OURS, standing("s1", 7999)), false);
  assert.equal(mayLend(POOL, OURS, standing("s1", 8000)), true);
});

test("another one's share it lends while that one is there, and never while it is cut off itself", () => {
  assert.equal(mayLend(POOL, THEIRS, standing("s1", 0, ["s2"])), true);
  assert.equal(mayLend(POOL, THEIRS, standing("s1", 0, ["s3"])), false);
  assert.equal(mayLend(POOL, THEIRS, standing("s1", 60_000, ["s2"])), false);
});

/** Longest time, in ms, from a server's last word until the others no longer take it for present, and have committed. */
const LATEST = 2000 + 3500 + 1000;

test("no address is lent by a server that is cut off and by one that is not, whenever the others notice", () => {
  const moment = fc.record({
    // How long the owner has been cut off, and how late its last word came.
    away: fc.integer({ min: 1, max: 20_000 }),
    late: fc.integer({ min: 0, max: LATEST }),
    host: fc.integer({ min: 200, max: 250 }),
    cutOff: fc.constantFrom(...SERVERS),
    other: fc.constantFrom(...SERVERS),
  });
  fc.assert(
    fc.property(moment, ({ away, late, host, cutOff, other }) => {
      fc.pre(cutOff !== other);
      const address = ip(`10.77.0.${host}`);
      const fresh = away < late ? SERVERS : SERVERS.filter((name) => name !== cutOff);
      const lentThere = mayLend(POOL, address, standing(cutOff, away));
      const lentHere = mayLend(POOL, address, standing(other, 0, fresh));
      assert.ok(!(lentThere && lentHere), `both lend ${address}`);
    }),
    { numRuns: 2000 },
  );
});
