import assert from "node:assert/strict";
import { mkdtemp, readdir, readlink, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { joinSegments } from "../../../src/content/segments.ts";
import { PieceCache } from "../../../src/server/tftp/piece-cache.ts";
import { type PiecedBody, SharedBodies } from "../../../src/server/tftp/shared-body.ts";

const SIZE = 700_000;
const BYTES = Buffer.from(Array.from({ length: SIZE }, (_, index) => index % 251));

async function loader(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "everboot-shared-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "loader");
  await writeFile(path, BYTES);
  const segment = { kind: "disk", path, offset: 0, length: SIZE } as const;
  const file = joinSegments([segment], { modified: 0, contentType: "application/octet-stream", identity: "1" });
  return { path, file };
}

/** How often this process has the file open. */
async function opened(path: string): Promise<number> {
  const links = (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ""));
  return (await Promise.all(links)).filter((target) => target === path).length;
}

async function pieceOf(body: PiecedBody, index: number): Promise<Uint8Array> {
  if (!body.loaded(index)) await body.load(index);
  return body.loaded(index) ?? assert.fail(`piece ${index} is not there`);
}

test("many readers of one file have it open once, until the last has gone", async (t) => {
  const { path, file } = await loader(t);
  const bodies = new SharedBodies();
  const readers = await Promise.all(Array.from({ length: 50 }, () => bodies.take(file, "octet")));
  const pieces = await Promise.all(readers.map((body) => pieceOf(body, 1)));
  const [first] = pieces;
  for (const piece of pieces) assert.equal(piece, first, "one read for all");
  assert.ok(first && BYTES.subarray(readers[0]?.step).equals(first));
  assert.equal(await opened(path), 1);
  const [last, ...others] = readers;
  await Promise.all(others.map((body) => body.close()));
  // Closing twice is closing once.
  await others[0]?.close();
  assert.equal(await opened(path), 1);
  assert.ok(last && BYTES.subarray(0, 10).equals((await pieceOf(last, 0)).subarray(0, 10)));
  await last.close();
  assert.equal(await opened(path), 0);
});

test("each way of reading has a body of its own", async (t) => {
  const { file } = await loader(t);
  const bodies = new SharedBodies();
  const [octets, text] = await Promise.all([bodies.take(file, "octet"), bodies.take(file, "netascii")]);
  assert.equal(octets.size, SIZE);
  assert.ok(text.size > SIZE);
  await Promise.all([octets.close(), text.close()]);
});

test("a piece that could not be read is read anew", async (t) => {
  const { path, file } = await loader(t);
  const body = await new SharedBodies().take(file, "octet");
  await truncate(path, 1000);
  await assert.rejects(body.load(0), /became shorter/);
  assert.equal(body.loaded(0), undefined);
  await writeFile(path, BYTES);
  assert.ok(BYTES.subarray(0, 10).equals((await pieceOf(body, 0)).subarray(0, 10)));
  await body.close();
});

test("a file that cannot be opened is refused to each, and held by none", async (t) => {
  const { path, file } = await loader(t);
  await rm(path);
  const bodies = new SharedBodies();
  // Text is read through to know its size.
  for (const _ of [1, 2]) await assert.rejects(bodies.take(file, "netascii"), { code: "ENOENT" });
  await writeFile(path, BYTES);
  const body = await bodies.take(file, "netascii");
  assert.ok(body.size > SIZE);
  await body.close();
});

test("a file that is still being fetched is read in small pieces", async (t) => {
  const { path } = await loader(t);
  const arrived = Promise.withResolvers<number>();
  const wanted: number[] = [];
  const beyond = (position: number) => {
    wanted.push(position);
    return arrived.promise;
  };
  const segment = { kind: "disk", path, offset: 0, length: SIZE, arrival: { beyond } } as const;
  const file = joinSegments([segment], { modified: 0, contentType: "", identity: "arriving" });
  const body = await new SharedBodies().take(file, "octet");
  const loading = body.load(0);
  await new Promise(setImmediate);
  assert.ok((wanted[0] ?? SIZE) < 140_000, `the first piece waits for byte ${wanted[0]}`);
  arrived.resolve(SIZE);
  await loading;
  await body.close();
});

test("a piece that is on its way when the last reader goes leaves no open file", async (t) => {
  const { path, file } = await loader(t);
  const body = await new SharedBodies().take(file, "octet");
  body.prepare(0);
  body.prepare(7); // past the end: nothing to read
  await body.close();
  assert.equal(await opened(path), 0);
});

test("what is prepared and cannot be read is told to whoever needs it", async (t) => {
  const { path, file } = await loader(t);
  const body = await new SharedBodies().take(file, "octet");
  await truncate(path, 0);
  body.prepare(0);
  await assert.rejects(body.load(0), /became shorter/);
  await body.close();
});

test("past the limit those pieces go that were not used of late", async (t) => {
  const { file } = await loader(t);
  const cache = new PieceCache(900_000);
  const [used, unused] = ["1", "2"].map((identity) =>
    joinSegments(file.segments, { modified: 0, contentType: "", identity }),
  );
  const bodies = new SharedBodies(cache);
  const [a, b, c] = await Promise.all([used, unused, file].map((each) => bodies.take(each ?? file, "octet")));
  assert.ok(a && b && c);
  await a.load(1);
  await b.load(1);
  await pieceOf(a, 1);
  await b.load(0);
  assert.equal(b.loaded(1), undefined, "loaded, and not used since");
  assert.ok(a.loaded(1), "used since");
  await Promise.all([a.close(), b.close(), c.close()]);
});
