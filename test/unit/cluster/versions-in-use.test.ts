import assert from "node:assert/strict";
import { test } from "node:test";
import type { Permit, PermitState } from "../../../src/cluster/permit-rules.ts";
import { versionsInUse } from "../../../src/cluster/versions-in-use.ts";

const EXPIRES = 1_000_000;
const DAY = 86_400_000;

function permit(state: PermitState, given: Partial<Permit> = { tree: "deb", version: "v1" }): Permit {
  const times = { issued: 0, changed: 0, expires: EXPIRES, handOuts: 1 };
  return { id: "i", token: "t", host: "h", state, ...times, ...given };
}

test("a version is read until its install has ended; one that hangs is forgotten a day after its permit's end", () => {
  const states = ["issued", "started", "writing", "expired", "used", "failed", "cancelled"] as const;
  const read = (now: number) => states.filter((state) => versionsInUse([permit(state)], now).length > 0);
  assert.deepEqual(read(0), ["issued", "started", "writing", "expired"]);
  assert.deepEqual(read(EXPIRES + DAY - 1), ["issued", "started", "writing", "expired"]);
  assert.deepEqual(read(EXPIRES + DAY), []);
});

test("an install that was handed no version reads none", () => {
  assert.deepEqual(versionsInUse([permit("writing", {}), permit("writing", { tree: "deb" })], 0), []);
  assert.deepEqual(versionsInUse([permit("writing")], 0), [{ tree: "deb", version: "v1" }]);
});
