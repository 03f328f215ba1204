import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseRoute, type Route } from "../../../../src/server/http/route.ts";

function route(pattern: string, ...methods: string[]): Route {
  return { pattern, methods, handle: async () => ({ kind: "error", code: "internal" }) };
}

const script = route("/boot/ipxe/<mac>", "GET");
const report = route("/report/<token>/<event>", "POST", "GET");
const upload = route("/upload", "POST");
const special = route("/boot/ipxe/first", "PUT");
const routes = [script, report, upload, special];

test("a pattern's names take one part each", () => {
  assert.deepEqual(chooseRoute(routes, "POST", "/report/t0k/disk started"), {
    kind: "route",
    route: report,
    params: { token: "t0k", event: "disk started" },
  });
});

test("a route for GET gets HEAD", () => {
  const choice = chooseRoute(routes, "HEAD", "/boot/ipxe/52-54-00-00-00-01");
  assert.deepEqual(choice, { kind: "route", route: script, params: { mac: "52-54-00-00-00-01" } });
});

test("the first route with path and method is taken", () => {
  assert.equal(chooseRoute(routes, "PUT", "/boot/ipxe/first").kind, "route");
});

for (const path of ["/", "/boot/ipxe", "/boot/ipxe/a/b", "/report/a", "/reports/a/b", "/upload/x"]) {
  test(`${path} is no route`, () => assert.deepEqual(chooseRoute(routes, "GET", path), { kind: "files" }));
}

test("another method than a path's own is refused, with those that are its own", () => {
  assert.deepEqual(chooseRoute(routes, "GET", "/upload"), { kind: "method-refused", allow: "POST" });
  assert.deepEqual(chooseRoute(routes, "DELETE", "/report/a/b"), { kind: "method-refused", allow: "POST, GET, HEAD" });
  assert.deepEqual(chooseRoute(routes, "POST", "/boot/ipxe/first"), {
    kind: "method-refused",
    allow: "GET, HEAD, PUT",
  });
  assert.deepEqual(chooseRoute(routes, "PUT", "/file"), { kind: "method-refused", allow: "GET, HEAD" });
});
