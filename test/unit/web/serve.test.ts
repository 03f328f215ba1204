import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { EverbootError } from "../../../src/base/errors.ts";
import { silentLog } from "../../../src/base/log.ts";
import type { ServeWeb } from "../../../src/server/api/beside.ts";
import { openDashboard } from "../../../src/server/web/serve.ts";
import { buildDashboard } from "../../../web/build.ts";

let folder = "";
let serve: ServeWeb = () => undefined;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "everboot-web-"));
  await buildDashboard(join(folder, "one"));
  serve = await openDashboard(silentLog, join(folder, "one"));
});
after(() => rm(folder, { recursive: true, force: true }));

function textOf(path: string, encodings = ""): string {
  const file = serve(path, encodings);
  assert.ok(file, path);
  return Buffer.from(file.body).toString("utf8");
}

test("the same sources give the same bytes", async () => {
  await buildDashboard(join(folder, "two"));
  const names = async (each: string) => (await readdir(join(folder, each), { recursive: true })).sort();
  assert.deepEqual(await names("two"), await names("one"));
  for (const name of await names("one")) {
    if (name === "assets") continue;
    const [one, two] = await Promise.all(["one", "two"].map((each) => readFile(join(folder, each, name))));
    assert.ok(one && two && one.equals(two), name);
  }
});

test("pages that the script knows get the index, files that are not there nothing", () => {
  const index = textOf("/");
  assert.match(index, /<title>Everboot<\/title>/);
  for (const path of ["/servers", "/unknown", "/hosts/vm1", "/hosts/vm1.rack.lab"]) assert.equal(textOf(path), index);
  assert.equal(serve("/favicon.ico", ""), undefined);
  assert.equal(serve("/assets/none.js", ""), undefined);
});

/** What the index asks for. */
function assets(): string[] {
  return Array.from(textOf("/").matchAll(/(?:href|src)="([^"]+)"/g), ([, path = ""]) => path);
}

test("the index asks for nothing from elsewhere, and all it asks for is there, for ever", () => {
  assert.equal(assets().length, 3);
  for (const path of assets()) {
    const file = serve(path, "");
    assert.match(path, /^\/assets\/[\w-]+-[0-9a-f]{10}\.(js|css|svg)$/);
    assert.equal(file?.headers?.["cache-control"], "public, max-age=31536000, immutable");
    assert.doesNotMatch(textOf(path), /url\(|https?:\/\/(?!www\.w3\.org\/)/);
  }
  assert.equal(serve("/", "")?.headers?.["cache-control"], "no-cache");
});

test("each encoding holds the same content under a tag of its own", () => {
  const [path = ""] = assets();
  const plain = serve(path, "");
  const gzip = serve(path, "gzip, deflate");
  const brotli = serve(path, "gzip, deflate, br");
  assert.ok(plain && gzip && brotli);
  assert.deepEqual(gunzipSync(gzip.body), Buffer.from(plain.body));
  assert.deepEqual(brotliDecompressSync(brotli.body), Buffer.from(plain.body));
  assert.equal(new Set([plain, gzip, brotli].map(({ etag }) => etag)).size, 3);
  assert.deepEqual(
    [plain, gzip, brotli].map(({ headers }) => headers?.["content-encoding"]),
    [undefined, "gzip", "br"],
  );
});

test("an encoding that the client refuses is not sent", () => {
  const encodingFor = (accepted: string) => serve("/", accepted)?.headers?.["content-encoding"];
  assert.equal(encodingFor("br;q=0, gzip;q=0.5"), "gzip");
  assert.equal(encodingFor("*"), "br");
  assert.equal(encodingFor("br;q=0, *;q=0.0"), undefined);
  assert.equal(encodingFor("GZIP"), "gzip");
  assert.equal(encodingFor("identity"), undefined);
});

test("the policy lets in nothing inline and nothing from elsewhere", () => {
  const policy = serve("/", "")?.headers?.["content-security-policy"] ?? "";
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.doesNotMatch(policy, /unsafe|\*|data:|https?:/);
  assert.doesNotMatch(textOf("/"), /<style|style="|<script>|onclick/);
});

test("where it is not built, pages say so and files are not there", async () => {
  const absent = await openDashboard(silentLog, join(folder, "absent"));
  assert.throws(
    () => absent("/", ""),
    (error) => error instanceof EverbootError && error.code === "dashboard-absent",
  );
  assert.equal(absent("/favicon.ico", ""), undefined);
});
