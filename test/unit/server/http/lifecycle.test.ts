/** Limits and the end of the server, over real loopback sockets. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { truncate } from "node:fs/promises";
import { connect } from "node:net";
import { test } from "node:test";
import { bytesFile } from "../../../../src/content/segments.ts";
import type { FileResolver } from "../../../../src/content/served-file.ts";
import { chunkSize } from "../../../../src/server/http/chunk-size.ts";
import { createFakeClock } from "../../../support/fake-clock.ts";
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

test("a request whose head does not come is answered 408", async () => {
  await using http = await startHttp({ limits: { head: 100, request: 200 } });
  assert.match(await rawExchange(http.port, "GET / HTTP/1.1\r\nHost:"), /^HTTP\/1\.1 408 /);
  assert.equal(http.server.counters()["drop.slow-request"], 1);
});

test("a client that takes nothing for too long loses its connection", async () => {
  await using folder = await temporaryFolder();
  await truncate(await folder.put("image", ""), LARGE);
  await using http = await startHttp({ resolve: folderResolver(folder.path), limits: { stall: 200 } });
  const client = await stalledClient(http.port, "/image");
  assert.equal((await http.recorder.next(() => true)).complete, false);
  client.destroy();
});

test("connections beyond the limit are dropped and counted", async () => {
  await using http = await startHttp({ limits: { connections: 1 } });
  const first = connect(http.port, "127.0.0.1");
  first.write("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
  await once(first, "data");
  const second = connect(http.port, "127.0.0.1");
  await once(
    second.on("error", () => undefined),
    "close",
  );
  assert.equal(http.server.counters()["drop.too-many-connections"], 1);
  first.destroy();
});

test("a port in use is told as such", async () => {
  await using http = await startHttp({});
  await assert.rejects(startHttp({ port: http.port }), { code: "port-in-use" });
});

test("stop refuses new connections, closes idle ones, and lets answers under way end", async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const { promise: asked, resolve: tellAsked } = Promise.withResolvers<void>();
  const resolve: FileResolver = async (path) => {
    if (path !== "/slow") return { kind: "absent" };
    tellAsked();
    await gate;
    return { kind: "file", file: bytesFile(testBytes(200_000), "application/octet-stream", 0) };
  };
  await using http = await startHttp({ resolve, limits: { grace: 60_000 } });
  const idle = connect(http.port, "127.0.0.1");
  idle.write("GET /x HTTP/1.1\r\nHost: test\r\n\r\n");
  const fresh = connect(http.port, "127.0.0.1");
  await once(fresh, "connect");
  await once(idle, "data");
  const idleClosed = [idle, fresh].map((socket) => once(socket.resume(), "close"));
  const busy = rawExchange(http.port, "GET /slow HTTP/1.1\r\nHost: test\r\n\r\n");
  await asked;
  const stopped = http.server.stop();
  await Promise.all(idleClosed);
  await assert.rejects(rawExchange(http.port, rawRequest("/x")), { code: "ECONNREFUSED" });
  open();
  assert.ok((await busy).endsWith(testBytes(200_000).toString("latin1")));
  await stopped;
  await http.server.stop();
});

test("stop lets a transfer that has begun come to its end, and closes its connection then", async () => {
  await using folder = await temporaryFolder();
  await truncate(await folder.put("image", ""), LARGE);
  await using http = await startHttp({ resolve: folderResolver(folder.path), clock: createFakeClock() });
  const client = await stalledClient(http.port, "/image");
  const stopped = http.server.stop();
  let received = 0;
  for await (const chunk of client) received += chunk.length;
  await stopped;
  assert.ok(received > LARGE);
  assert.equal((await http.recorder.next(() => true)).complete, true);
});

test("stop cuts what is still under way after its grace time", async () => {
  await using folder = await temporaryFolder();
  await truncate(await folder.put("image", ""), LARGE);
  const clock = createFakeClock();
  await using http = await startHttp({ resolve: folderResolver(folder.path), clock, limits: { grace: 10_000 } });
  const client = await stalledClient(http.port, "/image");
  const stopped = http.server.stop();
  clock.advance(9_999);
  assert.equal(http.recorder.open(), 1);
  clock.advance(1);
  await stopped;
  assert.equal((await http.recorder.next(() => true)).complete, false);
  client.destroy();
});

test("many answers under way share the memory of a few", () => {
  assert.equal(chunkSize(1), 1 << 20);
  assert.equal(chunkSize(64), 1 << 20);
  assert.equal(chunkSize(256), 256 << 10);
  assert.equal(chunkSize(100_000), 64 << 10);
});
