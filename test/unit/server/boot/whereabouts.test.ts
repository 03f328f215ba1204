import assert from "node:assert/strict";
import { test } from "node:test";
import { createWhereabouts, placeOf, type WhereaboutsOptions } from "../../../../src/server/boot/whereabouts.ts";
import type { Server, Tree } from "../../../../src/site/model.ts";
import { exampleSite } from "../../../support/sites.ts";

const site = exampleSite("pair");
const [server1 = assert.fail(), server2 = assert.fail()] = [...site.servers.values()] as [Server, Server];
const TREE: Tree = { name: "t", family: "debian", release: "bookworm", arch: "amd64", path: "/t" };
const CLIENT = "192.168.0.128";

const places: ReadonlyArray<readonly [isHere: boolean, isSound: boolean, isAtOther: boolean, place: string]> = [
  [true, true, true, "here"],
  [true, true, false, "here"],
  [true, false, true, "elsewhere"],
  [true, false, false, "here"],
  [false, false, true, "elsewhere"],
  [false, false, false, "nowhere"],
];
for (const [isHere, isSound, isAtOther, place] of places) {
  test(`folder here ${isHere}, sound ${isSound}, at a living other ${isAtOther}: ${place}`, () => {
    assert.equal(placeOf({ isHere, isSound, other: isAtOther ? server2 : undefined }).kind, place);
  });
}

/** server1 asks; v1 is at both, v2 at server2 alone, v3 nowhere and read by an install. */
function open(changes: Partial<WhereaboutsOptions> = {}) {
  return createWhereabouts({
    self: server1.name,
    serversFor: () => [server1, server2],
    isAlive: () => true,
    holds: (server, _tree, version) => version === "v1" || (version === "v2" && server === server2.name),
    isHere: async (_tree, version) => version === "v1",
    isInUse: (_tree, version) => version === "v3",
    viewOf: ({ address, httpPort }) => ({ address, httpPort }),
    ...changes,
  });
}

test("what another server has is there, and what no server has is an outage for who reads it", async () => {
  const { answer } = open();
  assert.deepEqual(await answer(TREE, "v1", CLIENT), { kind: "absent" }, "the version is here, the file is not in it");
  assert.deepEqual(await answer(TREE, "v2", CLIENT), { kind: "elsewhere", at: "http://192.168.0.12" });
  const away = { kind: "broken", code: "version-away", details: { tree: "t", version: "v3" } };
  assert.deepEqual(await answer(TREE, "v3", CLIENT), away);
  assert.deepEqual(await answer(TREE, "v4", CLIENT), { kind: "absent" }, "nobody reads it");
  assert.deepEqual(await answer(TREE, undefined, CLIENT), { kind: "absent" });
});

test("nobody is sent to the dead, nor back to who asks, and mirrors are wherever they are asked", async () => {
  const dead = open({ isAlive: () => false, isInUse: (_tree, version) => version === "v2" });
  assert.equal((await dead.answer(TREE, "v2", CLIENT)).kind, "broken");
  assert.deepEqual(await dead.find(TREE, "v2", CLIENT), { kind: "nowhere" });
  const own = open({ self: server2.name });
  assert.equal((await own.find(TREE, "v2", CLIENT)).kind, "nowhere", "told of itself what it does not have");
  assert.deepEqual(await open().find({ ...TREE, upstream: "apt" }, "v2", CLIENT), { kind: "here" });
});
