/** What clients of an HTTP server get of a package while the pull-through mirror fetches it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdir, readFile, rm } from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import type { Log, LogFields } from "../../src/base/log.ts";
import { type OpenTree, openMirror } from "../../src/content/mirror.ts";
import { HELD_BACK } from "../../src/content/mirror-arrival.ts";
import type { MirrorTiming } from "../../src/content/mirror-deps.ts";
import type { Tree } from "../../src/site/model.ts";
import { startHttp, type TestServer, testBytes } from "../support/http-folder.ts";
import { Archive, archiveObstacle, SigningKey, tempFolder, UpstreamServer } from "./mirror-lab.ts";

const MEGABYTE = 1 << 20;
/** In megabytes. As it takes a minute, the large one is for long runs. */
const LARGE = process.env.EVERBOOT_LAB === undefined ? 20 : 200;
const CLIENTS = 64;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const QUICK: Partial<MirrorTiming> = { retries: [], linger: SECOND };

/** What came of a body, and whether it was all. */
interface Received {
  readonly status: number | undefined;
  readonly bytes: Buffer;
  readonly whole: boolean;
}

async function request(url: string): Promise<IncomingMessage> {
  const [response] = (await once(get(url, { agent: false }), "response")) as [IncomingMessage];
  return response;
}

async function receive(url: string): Promise<Received> {
  const response = await request(url);
  const chunks: Buffer[] = [];
  response.on("data", (chunk: Buffer) => chunks.push(chunk));
  const whole = await new Promise<boolean>((resolve) => {
    response.once("end", () => resolve(true));
    response.once("error", () => resolve(false));
  });
  return { status: response.statusCode, bytes: Buffer.concat(chunks), whole };
}

/** Compares as it comes: that many bodies would fill the memory. */
async function isSame(response: IncomingMessage, expected: Buffer): Promise<boolean> {
  let position = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (!chunk.equals(expected.subarray(position, position + chunk.length))) return false;
    position += chunk.length;
  }
  return position === expected.length;
}

describe("packages on their way through the mirror", { skip: archiveObstacle() }, () => {
  let key: SigningKey;
  let archive: Archive;
  let upstream: UpstreamServer;
  let folder: string;
  let mirror: OpenTree;
  let http: TestServer;
  let offset: number;
  let errors: LogFields[];
  const clock: Clock = { now: () => systemClock.now() + offset, after: systemClock.after };
  const log: Log = {
    ...{ debug: () => {}, info: () => {}, warn: () => {} },
    error: (fields) => void errors.push(fields),
    child: () => log,
  };

  async function open(timing: Partial<MirrorTiming> = {}, more: Partial<Tree> = {}): Promise<void> {
    const tree: Tree = {
      ...{ name: "t", family: "debian", release: "bookworm", arch: "amd64" },
      ...{ path: folder, upstream: upstream.url, keyring: key.keyring, ...more },
    };
    mirror = await openMirror(tree, { log, clock, timing: { ...QUICK, ...timing } });
  }

  async function reopen(...options: Parameters<typeof open>): Promise<void> {
    await mirror.close();
    await open(...options);
  }

  async function publish(name: string, size: number): Promise<string> {
    const path = await archive.addPackage(name, "1", { payload: testBytes(size) });
    await archive.publish(key, 1_700_000_000);
    return path;
  }

  async function keptFiles(): Promise<string[]> {
    const files = await readdir(join(folder, ".everboot-mirror"), { recursive: true, withFileTypes: true });
    return files.filter((each) => each.isFile() && !each.parentPath.endsWith("by-hash")).map(({ name }) => name);
  }

  before(async () => {
    key = await SigningKey.create();
  });
  after(() => key.remove());

  beforeEach(async () => {
    offset = 0;
    errors = [];
    archive = await Archive.create();
    upstream = new UpstreamServer(archive);
    await upstream.start();
    folder = await tempFolder();
    await open();
    http = await startHttp({ resolve: (path) => mirror.lookup(path.slice(1)) });
  });
  afterEach(async () => {
    await http[Symbol.asyncDispose]();
    await mirror.close();
    await upstream.stop();
    await archive.remove();
    await rm(folder, { recursive: true });
  });

  test(`${CLIENTS} clients of one file of ${LARGE} MB: one fetch, all whole, and the first bytes before the last`, async () => {
    const path = await publish("lab-huge", LARGE * MEGABYTE);
    const bytes = await archive.read(path);
    const gate = Promise.withResolvers<void>();
    upstream.stalled.set(path, gate.promise);
    const responses = await Promise.all(Array.from({ length: CLIENTS }, () => request(`${http.url}/${path}`)));
    await Promise.all(responses.map((response) => once(response, "readable")));
    gate.resolve();
    const same = await Promise.all(responses.map((response) => isSame(response, bytes)));
    assert.deepEqual(new Set(same), new Set([true]));
    assert.equal(upstream.count(path), 1);
    assert.ok(await isSame(await request(`${http.url}/${path}`), bytes), "and once more from the disk");
    assert.equal(upstream.count(path), 1);
  });

  for (const knowsRanges of [true, false]) {
    test(`an upstream that dies in the middle goes on where it was${knowsRanges ? "" : ", even without ranges"}`, async () => {
      await reopen({ retries: [1, 1, 1] });
      const path = await publish("lab-big", 4 * MEGABYTE);
      upstream.knowsRanges = knowsRanges;
      upstream.cuts.set(path, [MEGABYTE, MEGABYTE]);
      const { whole, bytes } = await receive(`${http.url}/${path}`);
      assert.ok(whole && bytes.equals(await archive.read(path)));
      assert.equal(upstream.count(path), 3);
      const starts = upstream.ranges.map((range) => Number(/^bytes=(\d+)-$/.exec(range)?.[1]));
      assert.equal(starts.length, 2);
      assert.ok(
        starts.every((start) => start > 0),
        `${starts}`,
      );
      assert.deepEqual(errors, []);
    });
  }

  test("an upstream that dies for good: the connection breaks, nothing is kept, and the next answer says so", async () => {
    const path = await publish("lab-big", 4 * MEGABYTE);
    upstream.cuts.set(path, [2 * MEGABYTE]);
    const { whole, bytes } = await receive(`${http.url}/${path}`);
    assert.equal(whole, false);
    assert.ok((await archive.read(path)).subarray(0, bytes.length).equals(bytes));
    await upstream.stop();
    assert.deepEqual(await keptFiles(), []);
    const { status, bytes: text } = await receive(`${http.url}/${path}`);
    assert.equal(status, 503);
    assert.match(text.toString(), new RegExp(`^the upstream mirror ${upstream.url}/ has not answered since 20\\S+Z: `));
  });

  test("a wrong package is never delivered whole, not kept, and reported", async () => {
    const path = await publish("lab-big", 4 * MEGABYTE);
    upstream.corrupted.add(path);
    const { whole, bytes } = await receive(`${http.url}/${path}`);
    assert.equal(whole, false);
    const right = await archive.read(path);
    assert.ok(bytes.length <= right.length - HELD_BACK, `${bytes.length} of ${right.length}`);
    assert.deepEqual(await keptFiles(), []);
    const [report] = errors;
    assert.equal(report?.path, path);
    assert.match(String((report?.cause as Error | undefined)?.cause), /digest [0-9a-f]{64} in place of [0-9a-f]{64}/);
    upstream.corrupted.clear();
    assert.ok((await receive(`${http.url}/${path}`)).bytes.equals(right));
  });

  test("while the upstream is down, what is not kept is answered at once, and the upstream is tried now and then", async () => {
    const path = await publish("lab-one", 10);
    const other = await publish("lab-two", 10);
    assert.equal((await receive(`${http.url}/${path}`)).status, 200);
    await upstream.stop();
    assert.equal((await receive(`${http.url}/${other}`)).status, 503);
    await upstream.start();
    const asked = upstream.requests.length;
    assert.equal((await receive(`${http.url}/${other}`)).status, 503, "it is not tried yet");
    assert.equal((await receive(`${http.url}/${path}`)).status, 200, "what is kept is served");
    assert.equal(upstream.requests.length, asked);
    offset += MINUTE;
    assert.equal((await receive(`${http.url}/${other}`)).status, 200);
  });

  test("what was not asked for the longest makes room, and nothing that was asked for of late", async () => {
    const names = ["lab-a", "lab-b", "lab-c"];
    const paths: string[] = [];
    for (const name of names) paths.push(await publish(name, MEGABYTE));
    const [a = "", b = "", c = ""] = paths;
    await reopen({ hot: 10 * MINUTE }, { cache: 2.5 * MEGABYTE });
    const ask = async (...wanted: string[]) => {
      for (const path of wanted) assert.equal((await receive(`${http.url}/${path}`)).status, 200);
    };
    const isKept = (path: string) =>
      readFile(join(folder, ".everboot-mirror/files", path)).then(
        () => true,
        () => false,
      );
    await ask(a, b, c);
    assert.deepEqual(await Promise.all(paths.map(isKept)), [true, true, true], "all are hot");
    await Promise.all(paths.slice(2).map((path) => rm(join(folder, ".everboot-mirror/files", path))));
    await reopen({ hot: 10 * MINUTE }, { cache: 2.5 * MEGABYTE });
    offset += 20 * MINUTE;
    await ask(a, c);
    assert.deepEqual(await Promise.all(paths.map(isKept)), [true, false, true], "b was not asked for the longest");
  });
});
