import assert from "node:assert/strict";
import { mkdtemp, readdir, readlink, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { joinSegments } from "../../../src/content/segments.ts";
import { SharedBodies } from "../../../src/server/tftp/shared-body.ts";

const SIZE = 200_000;
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

test("many readers of one file have it open once, until the last has gone", async (t) => {
  const { path, file } = await loader(t);
  const bodies = new SharedBodies();
  const readers = await Promise.all(Array.from({ length: 50 }, () => bodies.take(file, "octet")));
  const pieces = await Promise.all(readers.map((body) => body.read(65_536, 65_536)));
  for (const piece of pieces) assert.ok(BYTES.subarray(65_536, 131_072).equals(piece));
  assert.equal(await opened(path), 1);
  const [last, ...others] = readers;
  await Promise.all(others.map((body) => body.close()));
  // Closing twice is closing once.
  await others[0]?.close();
  assert.equal(await opened(path), 1);
  assert.ok(last && BYTES.subarray(0, 10).equals(await last.read(0, 10)));
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
  await assert.rejects(body.read(0, 65_536), /became shorter/);
  await writeFile(path, BYTES);
  assert.ok(BYTES.subarray(0, 65_536).equals(await body.read(0, 65_536)));
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
