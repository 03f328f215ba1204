/** The fast reader of request heads: a strict part of what node:http reads, and never something else. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { parseHead } from "../../../../src/server/http/parse-head.ts";
import { rawExchange } from "../../../support/http-folder.ts";

const read = (text: string) => parseHead(Buffer.from(text, "latin1"));

test("what installers send is plain", () => {
  const curl =
    "GET /trees/a/pool/x_1.0%7erc1.deb HTTP/1.1\r\nHost: 192.0.2.1\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n";
  assert.deepEqual(
    { ...read(curl) },
    {
      kind: "plain",
      method: "GET",
      target: "/trees/a/pool/x_1.0%7erc1.deb",
      headers: Object.assign(Object.create(null), { host: "192.0.2.1", "user-agent": "curl/7.88.1", accept: "*/*" }),
      keepAlive: true,
      length: curl.length,
    },
  );
  const more = "HEAD / HTTP/1.1\r\nhost:a\r\nConnection: Close\r\nRange:  bytes=0-1 \r\n\r\nGET";
  const head = read(more);
  assert.ok(head.kind === "plain" && !head.keepAlive && head.method === "HEAD");
  assert.equal(head.headers.range, "bytes=0-1");
  assert.equal(head.length, more.length - 3);
});

test("what is not there yet is waited for, and what is too long is not", () => {
  assert.equal(read("GET / HTTP/1.1\r\nHost: a\r\n").kind, "incomplete");
  assert.equal(read("").kind, "incomplete");
  assert.equal(read(`GET /${"a".repeat(5000)}`).kind, "unusual");
  assert.equal(read(`GET /${"a".repeat(5000)} HTTP/1.1\r\nHost: a\r\n\r\n`).kind, "unusual");
});

const UNUSUAL: Readonly<Record<string, string>> = {
  "another method": "POST / HTTP/1.1\r\nHost: a\r\n\r\n",
  "another version": "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
  "no host": "GET / HTTP/1.1\r\nAccept: a\r\n\r\n",
  "no headers": "GET / HTTP/1.1\r\n\r\n",
  "two hosts": "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
  "two of any name": "GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\nrange: bytes=2-3\r\n\r\n",
  "a length": "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
  "a coding": "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
  "an upgrade": "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
  "an expectation": "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
  "a blank before the colon": "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
  "a folded line": "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
  "a bare line feed": "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
  "a bare carriage return": "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
  "a control character": "GET / HTTP/1.1\r\nHost: a\0\r\n\r\n",
  "a byte above ASCII": "GET /\xe4 HTTP/1.1\r\nHost: a\r\n\r\n",
  "a whole URL": "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
  "two blanks": "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
  "an empty line first": "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "too many headers": `GET / HTTP/1.1\r\n${Array.from({ length: 33 }, (_, at) => `H${at}: a\r\n`).join("")}Host: a\r\n\r\n`,
};
for (const [what, text] of Object.entries(UNUSUAL)) {
  test(`${what} is unusual`, () => assert.equal(read(text).kind, "unusual"));
}

test("a name that objects have of their own is a name like any other", () => {
  const head = read("GET / HTTP/1.1\r\nHost: a\r\n__proto__: b\r\nconstructor: c\r\n\r\n");
  assert.ok(head.kind === "plain");
  assert.deepEqual(Object.keys(head.headers).sort(), ["__proto__", "constructor", "host"]);
});

test("what is plain means the same to node:http", async () => {
  const seen: IncomingMessage[] = [];
  const server = createServer({ requireHostHeader: false }, (message, response) => {
    seen.push(message);
    response.setHeader("Connection", "close").end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const piece = fc.constantFrom(
    ...[
      "GET ",
      "HEAD ",
      "/a",
      "/",
      "%20",
      " HTTP/1.1",
      "\r\n",
      "\n",
      "\r",
      " ",
      "\t",
      ":",
      ": ",
      "Host: a",
      "Range",
      "Connection: close",
    ],
    ...[
      "Content-Length: 3",
      "Transfer-Encoding: chunked",
      "x",
      "X-Y: z",
      "\0",
      "\xff",
      "GET / HTTP/1.1\r\nHost: a\r\n",
      ",",
      "close",
    ],
  );
  const line = fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join(""));
  const request = fc.tuple(fc.constantFrom("GET", "HEAD"), line, fc.array(line, { maxLength: 4 }));
  let plain = 0;
  const judge = async ([method, target, lines]: [string, string, string[]]) => {
    const text = [`${method} /${target} HTTP/1.1`, "Host: a", ...lines, "Connection: close", "", ""].join("\r\n");
    const head = read(text);
    if (head.kind !== "plain") return;
    plain += 1;
    seen.length = 0;
    await rawExchange(port, text.slice(0, head.length));
    const [message, ...more] = seen;
    assert.ok(message && more.length === 0, JSON.stringify(text));
    assert.equal(message.method, head.method);
    assert.equal(message.url, head.target);
    assert.deepEqual({ ...message.headers }, { ...head.headers });
  };
  await fc.assert(fc.asyncProperty(request, judge), { numRuns: 1000, seed: 7 });
  assert.ok(plain > 30, `only ${plain} of the heads were plain`);
  server.close();
});
