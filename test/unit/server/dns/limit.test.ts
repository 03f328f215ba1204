import assert from "node:assert/strict";
import { test } from "node:test";
import { type Ipv4, parseIpv4 } from "../../../../src/base/address.ts";
import { ResponseLimit } from "../../../../src/server/dns/limit.ts";

function ip(text: string): Ipv4 {
  const address = parseIpv4(text);
  assert.ok(address);
  return address;
}

const LIMITS = { site: { burst: 4, rate: 2 }, others: { burst: 1, rate: 1 } };
const NOW = 1_000_000;

test("past the burst every second answer says to ask over TCP, and the others are left out", () => {
  const limit = new ResponseLimit(LIMITS);
  const verdicts = Array.from({ length: 8 }, () => limit.judge(ip("10.0.0.1"), true, NOW));
  assert.deepEqual(verdicts, ["send", "send", "send", "send", "drop", "slip", "drop", "slip"]);
});

test("the allowance comes back with time", () => {
  const limit = new ResponseLimit(LIMITS);
  for (let asked = 0; asked < 4; asked += 1) limit.judge(ip("10.0.0.1"), true, NOW);
  const later = Array.from({ length: 3 }, () => limit.judge(ip("10.0.0.1"), true, NOW + 1000));
  assert.deepEqual(later, ["send", "send", "drop"]);
});

test("addresses of one /24 share it; another /24 has its own", () => {
  const limit = new ResponseLimit(LIMITS);
  for (let last = 1; last <= 4; last += 1) assert.equal(limit.judge(ip(`10.0.0.${last}`), true, NOW), "send");
  assert.equal(limit.judge(ip("10.0.0.9"), true, NOW), "drop");
  assert.equal(limit.judge(ip("10.0.1.9"), true, NOW), "send");
});

test("strangers have less", () => {
  const limit = new ResponseLimit(LIMITS);
  assert.equal(limit.judge(ip("192.0.2.1"), false, NOW), "send");
  assert.equal(limit.judge(ip("192.0.2.2"), false, NOW), "drop");
});
