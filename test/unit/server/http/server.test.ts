/** The server over real loopback sockets: what it answers, in which order, and what it does when something fails. */
import assert from "node:assert/strict";
import { truncate } from "node:fs/promises";
import { test } from "node:test";
import { EverbootError } from "../../../../src/base/errors.ts";
import { bytesFile, joinSegments } from "../../../../src/content/segments.ts";
import type { FileResolver, Lookup, ServedFile } from "../../../../src/content/served-file.ts";
import type { HttpRequest, HttpVerdict, Route } from "../../../../src/server/http/route.ts";
import {
  folderResolver,
  LARGE,
  rawExchange,
  rawRequest,
  stalledClient,
  startHttp,
  temporaryFolder,
  testBytes,
} from "../../../support/http-folder.ts";

const MODIFIED = Date.UTC(2026, 0, 1);

function fileOf(bytes: Uint8Array): ServedFile {
  return bytesFile(bytes, "application/octet-stream", MODIFIED);
}

function resolverOf(lookup: Lookup): FileResolver {
  return async () => lookup;
}

test("pieces of disk and memory become one body", async () => {
  await using folder = await temporaryFolder();
  const path = await folder.put("initrd", testBytes(3_000_000));
  const file = joinSegments(
    [
      { kind: "bytes", bytes: Buffer.from("head") },
      { kind: "disk", path, offset: 1000, length: 2_500_000 },
      { kind: "bytes", bytes: new Uint8Array(0) },
      { kind: "bytes", bytes: testBytes(70_000, "cpio") },
    ],
    { modified: MODIFIED, contentType: "application/octet-stream", identity: "1" },
  );
  await using http = await startHttp({ resolve: resolverOf({ kind: "file", file }) });
  const whole = Buffer.concat([
    Buffer.from("head"),
    testBytes(3_000_000).subarray(1000, 2_501_000),
    testBytes(70_000, "cpio"),
  ]);
  const response = await fetch(`${http.url}/initrd.gz`);
  assert.ok(Buffer.from(await response.arrayBuffer()).equals(whole));
  const part = await fetch(`${http.url}/initrd.gz`, { headers: { range: "bytes=2-2500100" } });
  assert.ok(Buffer.from(await part.arrayBuffer()).equals(whole.subarray(2, 2_500_101)));
  const transfer = await http.recorder.next(({ status }) => status === 206);
  assert.equal(transfer.bytes, 2_500_099);
  assert.equal(transfer.size, whole.length);
  assert.equal(transfer.path, "/initrd.gz");
  assert.equal(transfer.client, "127.0.0.1");
  assert.ok(transfer.complete);
});

test("HEAD is answered without a body, found or not", async () => {
  const resolve: FileResolver = async (path) =>
    path === "/file" ? { kind: "file", file: fileOf(testBytes(5000)) } : { kind: "absent" };
  await using http = await startHttp({ resolve, routes: [echoRoute([])] });
  for (const [target, status, length] of [
    ["/file", 200, 5000],
    ["/none", 404, 13],
    ["/report/t/e", 200, 6],
    ["/%zz", 400, 26],
  ] as const) {
    const text = await rawExchange(http.port, rawRequest(target, [], "HEAD"));
    assert.match(text, new RegExp(`^HTTP/1.1 ${status} [^]*Content-Length: ${length}\r\n[^]*\r\n\r\n$`));
    assert.equal(text.indexOf("\r\n\r\n"), text.length - 4);
  }
  assert.deepEqual(http.recorder.transfers, []);
});

test("what a resolver says stays absent, refused or broken", async () => {
  const cases: readonly [Lookup, number, string | null][] = [
    [{ kind: "absent" }, 404, null],
    [{ kind: "refused" }, 403, null],
    [{ kind: "broken", code: "store-unavailable" }, 503, "2"],
    [{ kind: "broken", code: "upstream-unavailable" }, 503, "5"],
    [{ kind: "broken", code: "upstream-mismatch" }, 502, null],
  ];
  for (const [lookup, status, retryAfter] of cases) {
    await using http = await startHttp({ resolve: resolverOf(lookup) });
    const response = await fetch(`${http.url}/x`);
    assert.equal(response.status, status);
    assert.equal(response.headers.get("retry-after"), retryAfter);
    assert.equal((await response.text()).split("\n").length, 2);
    const transfer = await http.recorder.next(() => true);
    assert.deepEqual([transfer.status, transfer.complete, transfer.size], [status, false, 0]);
  }
});

test("a file that the resolver found but that cannot be opened is an outage", async () => {
  const file = joinSegments([{ kind: "disk", path: "/nonexistent/file", offset: 0, length: 5 }], {
    modified: MODIFIED,
    contentType: "text/plain",
    identity: "1",
  });
  await using http = await startHttp({ resolve: resolverOf({ kind: "file", file }) });
  const response = await fetch(`${http.url}/x`);
  assert.equal(response.status, 503);
  assert.equal(response.headers.get("retry-after"), "2");
  assert.equal(response.headers.get("etag"), null);
  assert.equal(http.server.counters()["drop.unreadable"], 1);
});

test("a file that becomes shorter while it is sent cuts the connection", { timeout: 30_000 }, async () => {
  await using folder = await temporaryFolder();
  const path = await folder.put("image", "");
  await truncate(path, LARGE);
  await using http = await startHttp({ resolve: folderResolver(folder.path) });
  const client = await stalledClient(http.port, "/image");
  await truncate(path, 10);
  let received = 0;
  for await (const chunk of client) received += chunk.length;
  assert.ok(received < LARGE, `${received} bytes came`);
  const transfer = await http.recorder.next(() => true);
  assert.equal(transfer.complete, false);
  assert.ok(transfer.bytes < LARGE);
  assert.equal(http.server.counters()["drop.cut"], 1);
});

test("a client that goes away is counted, and harms nobody", async () => {
  await using folder = await temporaryFolder();
  await truncate(await folder.put("image", ""), LARGE);
  await using http = await startHttp({ resolve: folderResolver(folder.path) });
  const client = await stalledClient(http.port, "/image");
  client.resetAndDestroy();
  const transfer = await http.recorder.next(() => true);
  assert.equal(transfer.complete, false);
  assert.equal(http.server.counters()["drop.client-gone"], 1);
  assert.equal((await fetch(`${http.url}/image`, { method: "HEAD" })).headers.get("content-length"), String(LARGE));
});

test("requests sent ahead are answered in order, thousands of them too", { timeout: 30_000 }, async () => {
  const resolve: FileResolver = async (path) => ({ kind: "file", file: fileOf(Buffer.from(`<${path}>`)) });
  await using http = await startHttp({ resolve });
  for (const count of [10, 5000]) {
    const targets = Array.from({ length: count }, (_, index) => `/pool/${index}`);
    const ahead = targets.slice(0, -1).map((target) => `GET ${target} HTTP/1.1\r\nHost: test\r\n\r\n`);
    const text = await rawExchange(http.port, [...ahead, rawRequest(targets.at(-1) ?? "")].join(""));
    assert.deepEqual(text.match(/(?<=<)[^>]+(?=>)/g), targets);
  }
});

test("requests that wait for their turn are not looked up yet", async () => {
  const asked: string[] = [];
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const { promise: arrived, resolve: tellArrived } = Promise.withResolvers<void>();
  await using http = await startHttp({
    resolve: async (path) => {
      asked.push(path);
      if (path !== "/first") return { kind: "absent" };
      tellArrived();
      await gate;
      return { kind: "absent" };
    },
  });
  const answers = rawExchange(http.port, `GET /first HTTP/1.1\r\nHost: test\r\n\r\n${rawRequest("/second")}`);
  await arrived;
  await fetch(`${http.url}/other`);
  await fetch(`${http.url}/other`);
  assert.deepEqual(asked, ["/first", "/other", "/other"]);
  open();
  assert.equal((await answers).match(/HTTP\/1\.1 404/g)?.length, 2);
  assert.equal(asked.at(-1), "/second");
});

function echoRoute(seen: HttpRequest[]): Route {
  return {
    methods: ["GET", "POST"],
    pattern: "/report/<token>/<event>",
    handle: async (request): Promise<HttpVerdict> => {
      seen.push(request);
      return { kind: "text", status: 200, contentType: "text/plain", body: `got ${request.params.event}\n` };
    },
  };
}

test("a route gets what was asked, and answers for the resolver", async () => {
  const seen: HttpRequest[] = [];
  await using http = await startHttp({ routes: [echoRoute(seen)] });
  const response = await fetch(`${http.url}/report/t0k/disk%20done?x=1`, { method: "POST", body: "hello" });
  assert.equal(await response.text(), "got disk done\n");
  assert.equal(response.headers.get("cache-control"), "no-store");
  const [request] = seen;
  assert.deepEqual(request?.params, { token: "t0k", event: "disk done" });
  assert.equal(request.query, "x=1");
  assert.equal(request.client, "127.0.0.1");
  assert.equal(Buffer.from(request.body).toString(), "hello");
  const head = await fetch(`${http.url}/report/t0k/e`, { method: "HEAD" });
  assert.equal(head.headers.get("content-length"), "6");
  const refused = await fetch(`${http.url}/report/t0k/e`, { method: "DELETE" });
  assert.equal(refused.status, 405);
  assert.equal(refused.headers.get("allow"), "GET, POST, HEAD");
  assert.deepEqual(http.recorder.transfers, []);
});

test("a route's file is a transfer like any other", async () => {
  const handle = async (): Promise<HttpVerdict> => ({ kind: "file", file: fileOf(Buffer.from("preseed")) });
  await using http = await startHttp({ routes: [{ methods: ["GET"], pattern: "/answer/<host>", handle }] });
  const response = await fetch(`${http.url}/answer/vm1`, { headers: { range: "bytes=3-" } });
  assert.equal(await response.text(), "seed");
  const { path, bytes, size } = await http.recorder.next(() => true);
  assert.deepEqual([path, bytes, size], ["/answer/vm1", 4, 7]);
});

test("a body longer than 64 KiB is answered 413, announced or not", async () => {
  const seen: HttpRequest[] = [];
  await using http = await startHttp({ routes: [echoRoute(seen)] });
  const fits = await fetch(`${http.url}/report/t/e`, { method: "POST", body: testBytes(65_536) });
  assert.equal(fits.status, 200);
  const head = "POST /report/t/e HTTP/1.1\r\nHost: test\r\n";
  const long = "x".repeat(65_537);
  const announced = await rawExchange(http.port, `${head}Content-Length: 65537\r\n\r\n${long}`);
  assert.match(announced, /^HTTP\/1\.1 413 [\s\S]*\r\nConnection: close\r\n/);
  const chunked = await rawExchange(http.port, `${head}Transfer-Encoding: chunked\r\n\r\n10001\r\n${long}\r\n`);
  assert.match(chunked, /^HTTP\/1\.1 413 [\s\S]*\r\nConnection: close\r\n/);
  assert.equal(seen.length, 1);
});

test("what a handler throws is answered from the error table, never with its own message", async () => {
  const throwing = (pattern: string, error: Error): Route => ({
    methods: ["GET"],
    pattern,
    handle: () => Promise.reject(error),
  });
  const routes = [
    throwing("/known", new EverbootError("permit-unknown")),
    throwing("/bug", new Error("secret /var/lib/everboot")),
  ];
  await using http = await startHttp({ routes });
  assert.equal((await fetch(`${http.url}/known`)).status, 403);
  const bug = await fetch(`${http.url}/bug`);
  assert.equal(bug.status, 500);
  assert.equal(await bug.text(), "internal error; see the log\n");
});

for (const [name, text] of [
  ["no HTTP at all", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"],
  ["a head without end", `GET / HTTP/1.1\r\nX: ${"x".repeat(70_000)}\r\n\r\n`],
  ["HTTP/1.1 without Host", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n"],
  ["a broken escape", rawRequest("/%zz")],
  ["a NUL in the path", rawRequest("/a%00b")],
] as const) {
  test(`${name} is answered 400`, async () => {
    await using http = await startHttp({});
    assert.match(await rawExchange(http.port, text), /^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*\r\nConnection: close\r\n/);
    assert.equal((await fetch(`${http.url}/x`)).status, 404);
  });
}
