import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesFile } from "../../../../src/content/segments.ts";
import { type Answer, type Asked, answerVerdict } from "../../../../src/server/http/answer.ts";
import type { HttpVerdict } from "../../../../src/server/http/route.ts";

const NOW = Date.UTC(2026, 0, 2);
const MODIFIED = "Thu, 01 Jan 2026 00:00:00 GMT";
const file = bytesFile(Buffer.from("0123456789"), "text/x-test", Date.UTC(2026, 0, 1));
const asFile: HttpVerdict = { kind: "file", file };

function answer(verdict: HttpVerdict, headers: Asked["headers"] = {}, method = "GET"): Answer {
  return answerVerdict(verdict, { method, headers }, NOW);
}

function text({ body }: Answer): string {
  return body.map((segment) => (segment.kind === "bytes" ? Buffer.from(segment.bytes).toString() : "?")).join("");
}

const WHOLE = {
  "Accept-Ranges": "bytes",
  ETag: file.etag,
  "Last-Modified": MODIFIED,
  "Content-Type": "text/x-test",
  "Content-Length": "10",
};

test("a file has length, tag, date and ranges", () => {
  const got = answer(asFile);
  assert.equal(got.status, 200);
  assert.deepEqual(got.headers, WHOLE);
  assert.equal(text(got), "0123456789");
});

test("HEAD has the headers of the whole file, ranges or not, and no body", () => {
  assert.deepEqual(answer(asFile, { range: "bytes=0-1" }, "HEAD"), { status: 200, headers: WHOLE, body: [] });
});

test("one range", () => {
  const got = answer(asFile, { range: "bytes=2-4" });
  assert.equal(got.status, 206);
  assert.deepEqual(got.headers, { ...WHOLE, "Content-Range": "bytes 2-4/10", "Content-Length": "3" });
  assert.equal(text(got), "234");
});

test("several ranges", () => {
  const got = answer(asFile, { range: "bytes=0-0,-1" });
  assert.equal(got.status, 206);
  assert.match(String(got.headers["Content-Type"]), /^multipart\/byteranges; boundary=[0-9a-f]{32}$/);
  assert.equal(got.headers["Content-Length"], String(text(got).length));
  assert.equal(got.headers["Content-Range"], undefined);
});

test("a range outside the file tells its size", () => {
  const got = answer(asFile, { range: "bytes=10-" });
  assert.equal(got.status, 416);
  assert.equal(got.headers["Content-Range"], "bytes */10");
  assert.equal(text(got), "the range is outside the file\n");
});

test("If-Range of another version makes the whole file of a range", () => {
  assert.equal(answer(asFile, { range: "bytes=2-4", "if-range": '"old"' }).status, 200);
  assert.equal(answer(asFile, { range: "bytes=2-4", "if-range": file.etag }).status, 206);
  assert.equal(answer(asFile, { range: "bytes=2-4", "if-range": MODIFIED }).status, 206);
  assert.equal(answer(asFile, { range: "bytes=99-", "if-range": '"old"' }).status, 200);
});

test("304 has validators and neither body nor length", () => {
  const got = answer(asFile, { "if-none-match": file.etag, range: "bytes=0-1" });
  assert.deepEqual(got, { status: 304, headers: { ETag: file.etag, "Last-Modified": MODIFIED }, body: [] });
});

test("412 comes before any range", () => {
  assert.equal(answer(asFile, { "if-match": '"old"', range: "bytes=99-" }).status, 412);
});

test("text is made for one request only", () => {
  const verdict = { kind: "text", status: 201, contentType: "text/plain", body: "é", headers: { "X-A": "b" } } as const;
  const got = answer(verdict);
  assert.equal(got.status, 201);
  assert.deepEqual(got.headers, {
    "Cache-Control": "no-store",
    "X-A": "b",
    "Content-Type": "text/plain",
    "Content-Length": "2",
  });
  assert.equal(text(got), "é");
  assert.deepEqual(answer(verdict, {}, "HEAD"), { ...got, body: [] });
});

test("an error is one line of the table, with Retry-After where trying again helps", () => {
  const broken = answer({ kind: "error", code: "upstream-unavailable" });
  assert.equal(broken.status, 503);
  assert.equal(broken.headers["Retry-After"], "5");
  assert.equal(text(broken), "the upstream mirror does not answer; try again\n");
  const absent = answer({ kind: "error", code: "host-unknown", details: { host: "vm9", hint: "" } });
  assert.equal(absent.status, 404);
  assert.equal(absent.headers["Retry-After"], undefined);
  assert.equal(text(absent), "no host vm9 in the site file\n");
});
