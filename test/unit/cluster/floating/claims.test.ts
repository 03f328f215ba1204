import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ipv4 } from "../../../../src/base/address.ts";
import { Claims } from "../../../../src/cluster/floating/claims.ts";

const ADDRESS = "10.0.0.1" as Ipv4;
const nobody = () => false;

/** Has the address since time 0; `owner` announces it at these times. */
function heldSince0(...times: readonly number[]): Claims {
  const claims = new Claims();
  claims.held(ADDRESS, true, 0);
  for (const at of times) claims.announced(ADDRESS, "owner", at);
  return claims;
}

test("an address that a better holder announces too is contested, once it had time to be heard otherwise", () => {
  const claims = heldSince0(400);
  assert.deepEqual(claims.contested(nobody, 440), []);
  assert.deepEqual(claims.contested(nobody, 460), [ADDRESS]);
});

test("an announcement that may be older than the take-over says nothing", () => {
  assert.deepEqual(heldSince0(100).contested(nobody, 1000), []);
});

test("an address that this server does not have is nobody's contest", () => {
  const claims = new Claims();
  claims.held(ADDRESS, false, 0);
  claims.announced(ADDRESS, "owner", 1000);
  assert.deepEqual(claims.contested(nobody, 2000), []);
});

test("it stays given up for as long as the other one announces it", () => {
  const claims = heldSince0(400);
  assert.deepEqual(claims.contested(nobody, 500), [ADDRESS]);
  claims.held(ADDRESS, false, 550);
  for (const at of [1400, 2400, 3400]) claims.announced(ADDRESS, "owner", at);
  assert.deepEqual(claims.contested(nobody, 6900), [ADDRESS]);
  assert.deepEqual(claims.contested(nobody, 6901), []);
  claims.announced(ADDRESS, "owner", 7000);
  assert.deepEqual(claims.contested(nobody, 7500), []);
});

test("a server that is heard is left to VRRP", () => {
  const claims = heldSince0(400);
  assert.deepEqual(
    claims.contested((server) => server === "owner", 500),
    [],
  );
  assert.deepEqual(claims.contested(nobody, 600), []);
});

test("of three that have an address the worst one keeps off it when the second one has given it up too", () => {
  const claims = heldSince0();
  claims.announced(ADDRESS, "second", 400);
  claims.held(ADDRESS, false, 500);
  for (const at of [600, 1600, 2600, 3600, 4600]) claims.announced(ADDRESS, "owner", at);
  assert.deepEqual(claims.contested(nobody, 5000), [ADDRESS]);
});
