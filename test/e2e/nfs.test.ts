/**
 * Trees by NFS, as nfs-ganesha serves them and libnfs reads them: whole files by both versions, and what a client sees
 * when its server ends and another one takes the address. docs/nfs.md has the figures.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { kill } from "../../lab/cleanup.ts";
import type { NfsVersion } from "../../src/server/nfs/ganesha-config.ts";
import { ELSEWHERE, FLOATING, LAN, NfsRack, nfsRackObstacle, until, url } from "./nfs-rack.ts";

const skip = nfsRackObstacle();
const VERSIONS: readonly NfsVersion[] = [3, 4];
/** NFS3ERR_STALE (RFC 1813 section 2.6). */
const STALE = 70;
/** NFS3ERR_ACCES. */
const DENIED = 13;

let rack: NfsRack;

before(async () => {
  if (!skip) rack = await NfsRack.open("nfs");
});

afterEach(async () => {
  if (!skip) await rack.clear();
});

after(async () => {
  if (!skip) await rack.close();
});

for (const version of VERSIONS) {
  test(`version ${version}: files, folders and a tree's version are read, nothing is written`, { skip }, async () => {
    await rack.started(0, [rack.tree(0, "own")]);
    await rack.take(0);
    const listed = await rack.libnfs("nfs-ls", url("", version));
    assert.match(listed.output.toString(), /^-rw-r--r--.* 8000000 big$/m);
    const big = await rack.libnfs("nfs-cat", url("big", version));
    assert.ok(big.output.equals(rack.content));
    const ofVersion = await rack.libnfs("nfs-cat", url(".everboot-versions/0123456789ab/hello", version));
    assert.equal(ofVersion.output.toString(), "hello of a version\n");
    const written = await rack.libnfs("nfs-cp", "/etc/hostname", url("new", version));
    assert.notEqual(written.code, 0);
    assert.match(written.output.toString(), /ROFS|ACCES|Read-only|Permission/);
  });
}

test("machines of other networks get nothing", { skip }, async () => {
  await rack.started(0, [rack.tree(0, "own")], ELSEWHERE);
  await rack.take(0);
  for (const version of VERSIONS) {
    const { code, output } = await rack.libnfs("nfs-cat", url("hello", version));
    assert.notEqual(code, 0);
    assert.doesNotMatch(output.toString(), /^hello/m);
  }
});

test("trees come and go while others are read", { skip }, async () => {
  const [kept, second] = [rack.tree(0, "own"), { ...rack.tree(0, "image"), name: "second" }];
  const server = await rack.started(0, [kept]);
  await rack.take(0);
  const reader = await rack.halfRead(3);
  const isThere = async () => (await rack.nfs3(FLOATING, "handle", "/trees/second", "hello")).status === 0;
  assert.equal(await isThere(), false);
  rack.order(server, { trees: [kept, second], clients: LAN });
  await until(isThere, "the second tree");
  rack.order(server, { trees: [kept], clients: LAN });
  await until(async () => !(await isThere()), "the second tree to go");
  const { code, bytes } = await reader.rest();
  assert.deepEqual([code, bytes.equals(rack.content)], [0, true]);
  rack.order(server, "stop");
  assert.deepEqual(JSON.parse(await server.match(/counters/)), { counters: { reload: 2 } });
  await until(() => rack.lab.processes(rack.server(0)).length === 0, "all its programs to end");
});

test("another folder under a tree's name is served anew", { skip }, async () => {
  const server = await rack.started(0, [rack.tree(0, "own")]);
  await rack.take(0);
  const before = await rack.nfs3(FLOATING, "handle", "/trees/debian-12", "hello");
  rack.order(server, { trees: [rack.tree(0, "image")], clients: LAN });
  await until(async () => {
    const { status, handle } = await rack.nfs3(FLOATING, "handle", "/trees/debian-12", "hello").catch(() => before);
    return status === 0 && handle !== before.handle;
  }, "the other folder");
});

test("a ganesha that is killed is back at once, and a client of version 3 goes on", { skip }, async (t) => {
  const server = await rack.started(0, [rack.tree(0, "own")]);
  await rack.take(0);
  const reader = await rack.halfRead(3);
  kill(rack.ganesha(0));
  const diedAt = Date.now();
  const { code, bytes, endedAt } = await reader.rest();
  assert.deepEqual([code, bytes.equals(rack.content)], [0, true]);
  t.diagnostic(`all read ${endedAt - diedAt} ms after the kill`);
  rack.order(server, "stop");
  const { counters } = JSON.parse(await server.match(/counters/));
  assert.equal(counters.ended, 1);
});

test("what a killed daemon leaves is ended by the next", { skip }, async () => {
  const killed = await rack.started(0, [rack.tree(0, "own")]);
  await killed.end("SIGKILL");
  const next = await rack.started(0, [rack.tree(0, "own")]);
  rack.order(next, "stop");
  await until(() => rack.lab.processes(rack.server(0)).length === 0, "all its programs to end");
});

test("file handles are equal where the file system's bytes are, and stale elsewhere", { skip }, async () => {
  const addresses = [rack.server(0).address, rack.server(1).address] as const;
  for (const disk of ["image", "own"] as const) {
    for (const index of [0, 1] as const) await rack.started(index, [rack.tree(index, disk)]);
    const [first, second] = await Promise.all(
      addresses.map((address) => rack.nfs3(address, "handle", "/trees/debian-12", "hello")),
    );
    assert.equal(first?.handle === second?.handle, disk === "image");
    const read = await rack.nfs3(addresses[1], "read", first?.handle ?? "");
    assert.deepEqual(read, disk === "image" ? { status: 0, text: "hello\n" } : { status: STALE });
    await rack.clear();
  }
});

test("a handle reaches beyond its tree, and even root gets there only what all may read", { skip }, async () => {
  const tree = rack.tree(0, "own");
  const server = await rack.started(0, [tree]);
  await rack.take(0);
  const handleOf = async (name: string) => (await rack.nfs3(FLOATING, "handle", "/trees/debian-12", name)).handle ?? "";
  const [hello, secret] = [await handleOf("hello"), await handleOf("secret")];
  assert.equal((await rack.nfs3(FLOATING, "read", secret)).status, DENIED);
  const part = { ...tree, folder: `${tree.folder}/.everboot-versions` };
  rack.order(server, { trees: [part], clients: LAN });
  const isPart = () => handleOf("0123456789ab").catch(() => "");
  await until(async () => (await isPart()) !== "", "the folder within it");
  assert.equal(await handleOf("hello"), "");
  assert.equal((await rack.nfs3(FLOATING, "read", hello)).text, "hello\n");
  assert.equal((await rack.nfs3(FLOATING, "read", secret)).status, DENIED);
});

for (const disk of ["image", "own"] as const) {
  test(`the address moves while a client of version 3 reads: ${disk} disks`, { skip }, async (t) => {
    await rack.started(0, [rack.tree(0, disk)]);
    const heir = await rack.started(1, [rack.tree(1, disk)]);
    await rack.take(0);
    const reader = await rack.halfRead(3);
    const wake = await rack.connections();
    await rack.die(0);
    const diedAt = Date.now();
    await rack.take(1);
    rack.order(heir, { wake });
    const { code, bytes, endedAt } = await reader.rest();
    t.diagnostic(`exit code ${code}, ${bytes.length} bytes, ${endedAt - diedAt} ms after the end of its server`);
    const part = rack.content.subarray(0, bytes.length);
    assert.ok(bytes.equals(part), "other bytes");
    assert.equal(code === 0 && bytes.length === rack.content.length, disk === "image", `${bytes.length} bytes`);
    const anew = await rack.libnfs("nfs-cat", url("big", 3));
    assert.ok(anew.output.equals(rack.content), "a client that comes anew");
  });
}

test("the address moves while libnfs reads by version 4: it ends with an error, and reads anew", { skip }, async () => {
  await rack.started(0, [rack.tree(0, "image")]);
  const heir = await rack.started(1, [rack.tree(1, "image")]);
  await rack.take(0);
  const reader = await rack.halfRead(4);
  const wake = await rack.connections();
  await rack.die(0);
  await rack.take(1);
  rack.order(heir, { wake });
  const { code } = await reader.rest();
  assert.notEqual(code, 0);
  const anew = await rack.libnfs("nfs-cat", url("big", 4));
  assert.ok(anew.output.equals(rack.content));
});
