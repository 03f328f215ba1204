import assert from "node:assert/strict";
import { test } from "node:test";
import { loadSite } from "../../../src/site/load.ts";

const SITE = "site: t\nsubnets: [{cidr: 192.168.77.0/24}]\nservers: {one: {address: 192.168.77.2}}\n";

function load(replication: string) {
  const loaded = loadSite(`${SITE}replication: ${replication}\n`, "/etc/site.yaml");
  return "site" in loaded ? loaded.site.replication : loaded.problems.map(({ line, what }) => `${line} ${what}`);
}

test("rates are bytes a second, with a default each", () => {
  assert.deepEqual(load("{rate: 4MiB}"), { rate: 4 << 20, scrub: 20 << 20 });
  assert.deepEqual(load("{scrub: 64KiB}"), { rate: 50 << 20, scrub: 64 << 10 });
  const loaded = loadSite(SITE, "/etc/site.yaml");
  assert.ok("site" in loaded);
  assert.deepEqual(loaded.site.replication, { rate: 50 << 20, scrub: 20 << 20 });
});

test("what is no rate, or one at which nothing would come to its end, is refused in one line", () => {
  assert.deepEqual(load("{rate: fast}"), ['4 "fast" is no rate']);
  assert.deepEqual(load("{rate: 0MiB}"), ['4 "0MiB" is no rate']);
  for (const wrong of ["{scrub: 5}", "{speed: 5MiB}"]) {
    const told = load(wrong);
    assert.ok(Array.isArray(told) && told.length === 1, wrong);
  }
});
