import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTarget } from "../../../../src/server/http/path.ts";

const PATHS: readonly [string, string][] = [
  ["/", "/"],
  ["/debian/dists/bookworm/InRelease", "/debian/dists/bookworm/InRelease"],
  ["/pool/libc6_2.36-9%2bdeb12u14_amd64.deb", "/pool/libc6_2.36-9+deb12u14_amd64.deb"],
  ["/pool/libc6_2.36-9+deb12u14_amd64.deb", "/pool/libc6_2.36-9+deb12u14_amd64.deb"],
  ["/pool/x_1.0%7erc1.deb", "/pool/x_1.0~rc1.deb"],
  ["/pool/x_1.0%7Erc1.deb", "/pool/x_1.0~rc1.deb"],
  ["/a%20b", "/a b"],
  ["/caf%C3%A9", "/café"],
  ["/caf\xc3\xa9", "/café"],
  ["/100%25", "/100%"],
  ["/%252e%252e/x", "/%2e%2e/x"],
  ["/a%2fb", "/a/b"],
  ["//a///b/", "/a/b"],
  ["/./a/./b/.", "/a/b"],
  ["/%2e/a", "/a"],
  ["/...", "/..."],
  ["/..a/b..", "/..a/b.."],
  ["http://192.0.2.1/a", "/a"],
  ["HTTP://install.example:8080/a/b", "/a/b"],
  ["https://install.example", "/"],
];

for (const [target, path] of PATHS) {
  test(`${target} is ${path}`, () => assert.deepEqual(parseTarget(target), { kind: "path", path, query: "" }));
}

test("the query is split off, and is not part of the path", () => {
  assert.deepEqual(parseTarget("/a?b=../c&d=%2e"), { kind: "path", path: "/a", query: "b=../c&d=%2e" });
  assert.deepEqual(parseTarget("/a%3fb?c?d"), { kind: "path", path: "/a?b", query: "c?d" });
  assert.deepEqual(parseTarget("http://192.0.2.1?x"), { kind: "path", path: "/", query: "x" });
});

for (const target of [
  "/..",
  "/../etc/passwd",
  "/a/../b",
  "/a/../../x",
  "/a/..",
  "/%2e%2e/etc/passwd",
  "/%2E./x",
  "/a%2f..%2f..%2fx",
  "/a%2f%2e%2e",
  "//..//x",
  "/./../x",
  "http://192.0.2.1/../x",
]) {
  test(`${target} is refused`, () => assert.deepEqual(parseTarget(target), { kind: "refused" }));
}

for (const target of [
  "*",
  "a",
  "../x",
  "ftp://192.0.2.1/a",
  "install.example:443",
  "/%",
  "/%4",
  "/%zz",
  "/a%00",
  "/a%00/../x",
  "/a\\b",
  "/..%5c..%5cx",
  "/a%0d%0aSet-Cookie:x",
  "/a%7f",
  "/%ff",
  "/%c0%ae%c0%ae/x",
  "/%ed%a0%80",
  `/${"a".repeat(2048)}`,
]) {
  test(`${target.slice(0, 30)} is malformed`, () => assert.deepEqual(parseTarget(target), { kind: "malformed" }));
}
