import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReplicaStatus } from "../../../src/content/replica.ts";
import { type Holdings, serversHolding } from "../../../src/content/replica-holdings.ts";
import { plainDifferences, replicaLine } from "../../../src/content/replica-text.ts";

const OLD = "000000000001";
const NEW = "000000000002";
const SERVERS = ["one", "two", "three"];
const held = new Map<string, Holdings>([
  ["one", { deb: { versions: [OLD, NEW], current: NEW }, el9: { versions: [], manifest: OLD } }],
  ["two", { deb: { versions: [OLD], current: OLD }, el9: { versions: [], manifest: NEW } }],
]);

test("only servers that hold the version are in a host's order", () => {
  assert.deepEqual(serversHolding(SERVERS, "deb", NEW, held), ["one"]);
  assert.deepEqual(serversHolding(SERVERS, "deb", OLD, held), ["one", "two"]);
  assert.deepEqual(serversHolding(SERVERS, "deb", "000000000003", held), []);
  assert.deepEqual(serversHolding(SERVERS, "new", NEW, held), []);
});

test("plain trees are served by all servers; where they differ is said", () => {
  assert.deepEqual(serversHolding(SERVERS, "el9", undefined, held), SERVERS);
  const line = `el9 differs (manifest ${OLD} on one; ${NEW} on two): import it at one server, and all will have that version`;
  assert.deepEqual(plainDifferences(held), [line]);
  const same = new Map([...held].map(([server]) => [server, { el9: { versions: [], manifest: OLD } }]));
  assert.deepEqual(plainDifferences(same), []);
  const unlisted = new Map<string, Holdings>([...same, ["three", { el9: { versions: [] } }]]);
  assert.match(plainDifferences(unlisted).join(), /^el9 differs \(manifest 000000000001 on one, two; none on three\)/);
});

test("a version on its way is a line of status", () => {
  const status: ReplicaStatus = { tree: "deb", version: NEW, bytes: 4000, done: 2520, from: ["two", "three"] };
  const lineOf = (more: Partial<ReplicaStatus>) => replicaLine({ ...status, ...more }, (bytes) => `${bytes} B`);
  assert.equal(lineOf({}), "deb 63 % of 4000 B from two, three");
  assert.equal(lineOf({ done: 4000, from: [] }), "deb 99 % of 4000 B");
  assert.equal(lineOf({ trouble: "no room" }), "deb 63 % of 4000 B: no room");
  assert.equal(lineOf({ bytes: 0, done: 0 }), "deb is being looked for");
  assert.equal(lineOf({ bytes: 0, done: 0, trouble: "nobody has it" }), "deb is lacking: nobody has it");
});
