/** Foreign clients against the HTTP server, on loopback: what they fetch must be byte for byte what is there. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { open, readFile, stat, truncate, utimes, watch } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import {
  folderResolver,
  rawExchange,
  rawRequest,
  startHttp,
  temporaryFolder,
  testBytes,
} from "../support/http-folder.ts";

const execute = promisify(execFile);
const BINARY = { encoding: "buffer", maxBuffer: 64 << 20, timeout: 60_000 } as const;
const APT_HELPER = "/usr/lib/apt/apt-helper";

async function run(program: string, ...words: string[]): Promise<Buffer> {
  return (await execute(program, words, BINARY)).stdout;
}

function lacking(program: string): string | false {
  const folders = ["/usr/bin", "/bin", "/usr/local/bin"];
  return folders.some((folder) => existsSync(join(folder, program))) ? false : `needs ${program}`;
}

const noCurl = { skip: lacking("curl") };
const noWget = { skip: lacking("wget") };
const noApt = { skip: existsSync(APT_HELPER) ? false : "needs apt" };

test("curl fetches ranges", noCurl, async () => {
  await using folder = await temporaryFolder();
  const bytes = testBytes(1_500_000);
  await folder.put("file", bytes);
  await using http = await startHttp({ resolve: folderResolver(folder.path) });
  const url = `${http.url}/file`;
  assert.ok((await run("curl", "-s", url)).equals(bytes));
  assert.ok((await run("curl", "-s", "-r", "100-199", url)).equals(bytes.subarray(100, 200)));
  assert.ok((await run("curl", "-s", "-r", "-5", url)).equals(bytes.subarray(-5)));
  assert.ok((await run("curl", "-s", "-r", "1000000-", url)).equals(bytes.subarray(1_000_000)));
  const multi = await run("curl", "-s", "-r", "0-9,1200000-1499999", url);
  assert.ok(multi.includes(bytes.subarray(0, 10)));
  assert.ok(multi.includes(bytes.subarray(1_200_000)));
  assert.equal(
    (await run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-r", "1500000-", url)).toString(),
    "416",
  );
});

test("curl -I gets headers only, and a tag that saves the second fetch", noCurl, async () => {
  await using folder = await temporaryFolder();
  await folder.put("file", "hello");
  await using http = await startHttp({ resolve: folderResolver(folder.path) });
  const head = (await run("curl", "-sI", `${http.url}/file`)).toString();
  for (const line of [/^HTTP\/1\.1 200 OK\r\n/, /Content-Length: 5\r\n/, /Accept-Ranges: bytes\r\n/, /Date: /]) {
    assert.match(head, line);
  }
  const etag = /ETag: (".*")/.exec(head)?.[1];
  const again = ["-s", "-w", "%{http_code}", "-H", `If-None-Match: ${etag}`, `${http.url}/file`];
  assert.equal((await run("curl", ...again)).toString(), "304");
});

test("curl and wget complete a file that was cut off", { skip: noCurl.skip || noWget.skip }, async () => {
  await using folder = await temporaryFolder();
  const bytes = testBytes(3_000_000);
  await folder.put("www/file", bytes);
  await using http = await startHttp({ resolve: folderResolver(join(folder.path, "www")) });
  const commands = [
    (part: string) => run("curl", "-s", "-C", "-", "-o", part, `${http.url}/file`),
    (part: string) => run("wget", "-q", "-c", "-O", part, `${http.url}/file`),
  ];
  for (const resume of commands) {
    const part = await folder.put("part", bytes.subarray(0, 1_234_567));
    await resume(part);
    assert.ok((await readFile(part)).equals(bytes));
    await resume(part);
    assert.ok((await readFile(part)).equals(bytes), "resuming a complete file changes nothing");
  }
  await http.server.stop();
  const statuses = http.recorder.transfers.map(({ status }) => status);
  assert.deepEqual(statuses, [206, 416, 206, 416]);
});

/** Resolves when the file has at least `size` bytes. */
async function grown(folder: string, name: string, size: number): Promise<void> {
  for await (const { filename } of watch(folder)) {
    if (filename === name && (await stat(join(folder, name))).size >= size) return;
  }
}

test("wget goes on by itself when the server dies in mid-file and another takes its place", noWget, async () => {
  await using folder = await temporaryFolder();
  const bytes = testBytes(32 << 20);
  await folder.put("www/image", bytes);
  const resolve = folderResolver(join(folder.path, "www"));
  await using first = await startHttp({ resolve, limits: { grace: 0 } });
  // The limit keeps the transfer under way until the first server is stopped.
  const started = grown(folder.path, "got", 1 << 20);
  const done = run("wget", "-q", "--limit-rate=20m", "-O", join(folder.path, "got"), `${first.url}/image`);
  await Promise.race([started, done]);
  await first.server.stop();
  await using second = await startHttp({ resolve, port: first.port });
  await done;
  assert.ok((await readFile(join(folder.path, "got"))).equals(bytes));
  await second.server.stop();
  const ends = [...first.recorder.transfers, ...second.recorder.transfers];
  assert.deepEqual(
    ends.map(({ status, complete }) => [status, complete]),
    [
      [200, false],
      [206, true],
    ],
  );
});

test("apt finds names with + and ~, and completes what was cut off", noApt, async () => {
  await using folder = await temporaryFolder();
  const names = ["libc6_2.36-9+deb12u14_amd64.deb", "x_1.0~rc1-1_all.deb"];
  const files = names.map((name) => ({ name, path: join(folder.path, name), bytes: testBytes(100_000, name) }));
  const longAgo = new Date("2026-01-01T00:00:00Z");
  for (const { name, bytes } of files) await utimes(await folder.put(`www/pool/${name}`, bytes), longAgo, longAgo);
  await using http = await startHttp({ resolve: folderResolver(join(folder.path, "www")) });
  const pairs = files.flatMap(({ name, path }) => [`${http.url}/pool/${name}`, path]);
  const fetchAll = () => run(APT_HELPER, "-o", "Acquire::http::Proxy=false", "download-file", ...pairs);
  await fetchAll();
  const [first] = files;
  assert.ok(first);
  await truncate(first.path, 30_000);
  await utimes(first.path, longAgo, longAgo);
  await fetchAll();
  for (const { path, bytes } of files) assert.ok((await readFile(path)).equals(bytes), path);
  // apt asks for the rest of the second file too, with If-Range, and takes 416 with the size it has for an answer.
  await http.server.stop();
  const statuses = http.recorder.transfers.map(({ status }) => status);
  assert.deepEqual(statuses, [200, 200, 206, 416]);
  assert.deepEqual(
    new Set(http.recorder.transfers.map(({ path }) => path)),
    new Set(names.map((name) => `/pool/${name}`)),
  );
});

test("ten requests sent at once come back in order", async () => {
  await using folder = await temporaryFolder();
  const files = Array.from({ length: 10 }, (_, index) => testBytes(index * 40_000, `file ${index}`));
  for (const [index, bytes] of files.entries()) await folder.put(`pool/${index}.deb`, bytes);
  await using http = await startHttp({ resolve: folderResolver(folder.path) });
  const ahead = files.slice(1).map((_, index) => `GET /pool/${index}.deb HTTP/1.1\r\nHost: test\r\n\r\n`);
  let rest = await rawExchange(http.port, [...ahead, rawRequest("/pool/9.deb")].join(""));
  for (const bytes of files) {
    const end = rest.indexOf("\r\n\r\n") + 4;
    assert.match(rest.slice(0, end), new RegExp(`^HTTP/1.1 200 OK\r\n[^]*Content-Length: ${bytes.length}\r\n`));
    assert.ok(Buffer.from(rest.slice(end, end + bytes.length), "latin1").equals(bytes));
    rest = rest.slice(end + bytes.length);
  }
  assert.equal(rest, "");
});

test("thousands of small files come over a few kept connections", noCurl, async () => {
  await using folder = await temporaryFolder();
  const batches = Array.from({ length: 4 }, (_, batch) =>
    Array.from({ length: 750 }, (_, index) => testBytes((17 * index) % 3001, `${batch} ${index}`)),
  );
  const written = batches.flatMap((files, batch) =>
    files.map((bytes, index) => folder.put(`${batch}/${index}`, bytes)),
  );
  await Promise.all(written);
  await using http = await startHttp({ resolve: folderResolver(folder.path) });
  await Promise.all(
    batches.map(async (files, batch) => {
      const words = ["-s", "-w", "%{stderr}%{num_connects} ", `${http.url}/${batch}/[0-${files.length - 1}]`];
      const got = await execute("curl", words, BINARY);
      assert.ok(got.stdout.equals(Buffer.concat(files)));
      assert.equal(got.stderr.toString(), `1 ${"0 ".repeat(files.length - 1)}`);
    }),
  );
  await http.server.stop();
  assert.equal(http.server.counters()["status.200"], 3000);
});

test("a range beyond 2 GiB comes from where it is", noCurl, async () => {
  await using folder = await temporaryFolder();
  const size = 2 ** 32 + 1000;
  const path = await folder.put("image.iso", "");
  await truncate(path, size);
  const marks = [2 ** 31 - 5, 2 ** 32 - 5, size - 10];
  const handle = await open(path, "r+");
  for (const mark of marks) await handle.write(Buffer.from(`@${mark}`.slice(0, 10)), 0, 10, mark);
  await handle.close();
  await using http = await startHttp({ resolve: folderResolver(folder.path) });
  for (const mark of marks) {
    const got = await run("curl", "-s", "-r", `${mark}-${mark + 9}`, `${http.url}/image.iso`);
    assert.equal(got.toString(), `@${mark}`.slice(0, 10));
  }
  assert.equal(
    (await run("curl", "-s", "-r", "-10", `${http.url}/image.iso`)).toString(),
    `@${size - 10}`.slice(0, 10),
  );
  assert.match(
    (await run("curl", "-sI", `${http.url}/image.iso`)).toString(),
    new RegExp(`Content-Length: ${size}\r\n`),
  );
});

test("no trick with a path leaves the folder", async () => {
  await using folder = await temporaryFolder();
  await folder.put("secret", "secret");
  await folder.put("www/index", "public");
  await using http = await startHttp({ resolve: folderResolver(join(folder.path, "www")) });
  for (const target of [
    "/../secret",
    "/../../../../../../etc/passwd",
    "/%2e%2e/secret",
    "/%2e%2e%2fsecret",
    "/..%2fsecret",
    "/..%5csecret",
    "/%252e%252e/secret",
    "/a/../../secret",
    "/index/../../secret",
    "//../secret",
    "/./../secret",
    "/.%00./secret",
    "/../secret%00",
    "/..;/secret",
    "/%c0%ae%c0%ae/secret",
    "http://x/../secret",
    "../secret",
    "/www/../secret",
  ]) {
    const text = await rawExchange(http.port, rawRequest(target));
    assert.match(text, /^HTTP\/1\.1 40[034] /, target);
    assert.ok(!/secret|root:/.test(text), target);
  }
  assert.match(await rawExchange(http.port, rawRequest("//./index")), /public$/);
});
