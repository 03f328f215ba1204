/** Connections on the bare socket, and when they go to node:http. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { bytesFile } from "../../../../src/content/segments.ts";
import type { FileResolver } from "../../../../src/content/served-file.ts";
import { createFakeClock } from "../../../support/fake-clock.ts";
import {
  folderResolver,
  rawExchange,
  rawRequest,
  startHttp,
  temporaryFolder,
  testBytes,
} from "../../../support/http-folder.ts";

/** Makes a request one that node:http has to read, and changes nothing else. */
const UNUSUAL = "TE: trailers";
const MODIFIED = Date.UTC(2026, 0, 1);

/** node:http has a clock of its own. */
function undated(answers: string): string {
  return answers.replaceAll(/^Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r$/gm, "");
}

const someFile: FileResolver = async (path) =>
  path === "/absent" ? { kind: "absent" } : { kind: "file", file: bytesFile(testBytes(5000), "text/x", MODIFIED) };

test("both ways answer byte for byte the same", async () => {
  await using http = await startHttp({ resolve: someFile, clock: createFakeClock() });
  const { etag } = bytesFile(testBytes(5000), "text/x", MODIFIED);
  const asked: readonly (readonly string[])[] = [
    ["/a"],
    ["/absent"],
    ["/../a"],
    ["/%zz"],
    ["/a", "Range: bytes=10-20"],
    ["/a", "Range: bytes=10-20,30-40"],
    ["/a", "Range: bytes=9000-"],
    ["/a", `If-None-Match: ${etag}`],
    ["/a", 'If-Match: "other"'],
  ];
  for (const [target = "", ...extra] of asked) {
    for (const method of ["GET", "HEAD"]) {
      for (const last of [["Connection: close"], ["Connection: keep-alive"]]) {
        const lines = ["Host: test", ...extra, ...last];
        const closing = last[0] === "Connection: close" ? "" : rawRequest("/absent", [], "HEAD");
        const text = (more: readonly string[]) =>
          [`${method} ${target} HTTP/1.1`, ...lines, ...more, "", ""].join("\r\n");
        const [plain, odd] = [
          await rawExchange(http.port, text([]) + closing),
          await rawExchange(http.port, text([UNUSUAL]) + closing),
        ];
        assert.ok(undated(plain) === undated(odd), `${text([])}${plain.slice(0, 400)}\n${odd.slice(0, 400)}`);
        assert.match(plain, /^HTTP\/1\.1 \d{3} /);
      }
    }
  }
});

test("requests sent ahead are answered in order, also when one of them is not plain", async () => {
  const resolve: FileResolver = async (path) => ({
    kind: "file",
    file: bytesFile(Buffer.from(`<${path}>`), "text/x", 0),
  });
  const report = {
    methods: ["POST"],
    pattern: "/report",
    handle: async ({ body }: { body: Uint8Array }) =>
      ({ kind: "text", status: 200, contentType: "text/x", body: `<report ${Buffer.from(body)}>` }) as const,
  };
  await using http = await startHttp({ resolve, routes: [report] });
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`;
  const post = "POST /report HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody";
  const all = await rawExchange(http.port, get("/1") + get("/2") + post + get("/3") + rawRequest("/4"));
  const bodies = all.match(/<[^>]*>/g);
  assert.deepEqual(bodies, ["</1>", "</2>", "<report body>", "</3>", "</4>"]);
  assert.equal(http.server.counters().requests, 5);
});

test("a head may come in pieces", async () => {
  await using http = await startHttp({ resolve: someFile });
  const socket = connect(http.port, "127.0.0.1");
  const text = rawRequest("/a", ["Range: bytes=0-9"]);
  let got = "";
  socket.on("data", (chunk) => {
    got += chunk.toString("latin1");
  });
  const closed = once(socket, "close");
  for (const part of [text.slice(0, 10), text.slice(10, 40), text.slice(40)]) {
    socket.write(part);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await closed;
  assert.ok(got.startsWith("HTTP/1.1 206 ") && got.endsWith(testBytes(10).toString("latin1")));
});

test("a client that ends its side after asking gets its answer", async () => {
  await using http = await startHttp({ resolve: someFile });
  const socket = connect({ port: http.port, host: "127.0.0.1", allowHalfOpen: true });
  socket.end("GET /a HTTP/1.1\r\nHost: test\r\n\r\n");
  let bytes = 0;
  for await (const chunk of socket) bytes += chunk.length;
  assert.ok(bytes > 5000);
});

test("who asks for nothing is answered 408, and who asks for nothing more is let go", async () => {
  const clock = createFakeClock();
  await using http = await startHttp({ resolve: someFile, clock, limits: { head: 1000, idle: 3000 } });
  const idle = connect(http.port, "127.0.0.1");
  idle.write("GET /a HTTP/1.1\r\nHost: test\r\n\r\n");
  await once(idle, "data");
  let isClosed = false;
  const closed = once(idle.resume(), "close").then(() => {
    isClosed = true;
  });
  clock.advance(2000);
  assert.match(await rawExchange(http.port, rawRequest("/a")), /^HTTP\/1\.1 200/);
  assert.ok(!isClosed);
  clock.advance(1000);
  clock.advance(1000);
  await closed;
});

test("a file that was changed is never given out under its old tag", async () => {
  await using folder = await temporaryFolder();
  await using http = await startHttp({ resolve: folderResolver(folder.path) });
  const tags = new Map<string, string>();
  for (let round = 0; round < 20; round += 1) {
    const text = `version ${round % 10} `.repeat(round);
    await folder.put("file", text);
    const response = await fetch(`${http.url}/file`);
    assert.equal(await response.text(), text);
    const tag = response.headers.get("etag") ?? "";
    assert.ok(tags.get(tag) === undefined || tags.get(tag) === text);
    tags.set(tag, text);
  }
});
