import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { pageOf, pathOf } from "../../../web/src/router.ts";

test("each page has an address, and each address a page", () => {
  assert.deepEqual(pageOf("/"), { page: "fleet" });
  assert.deepEqual(pageOf("/servers"), { page: "servers" });
  assert.deepEqual(pageOf("/unknown"), { page: "unknown" });
  assert.deepEqual(pageOf("/hosts/node-1.lab"), { page: "host", host: "node-1.lab" });
  assert.deepEqual(pageOf("/hosts/50%"), { page: "host", host: "50%" });
  assert.deepEqual(pageOf("/hosts/"), { page: "fleet" });
  assert.deepEqual(pageOf("/bogus"), { page: "fleet" });
});

test("any host's page is found again by its address", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: "binary" }), (host) => {
      fc.pre(host.isWellFormed());
      assert.deepEqual(pageOf(pathOf({ page: "host", host })), { page: "host", host });
    }),
  );
});
