import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isFact, resolveKey } from "../../../src/cluster/permit-facts.ts";
import type { Permit, PermitState } from "../../../src/cluster/permit-rules.ts";

const STATES: readonly PermitState[] = ["issued", "started", "writing", "used", "failed", "expired", "cancelled"];

function permit(state: PermitState, change: Partial<Permit> = {}): string {
  const times = { issued: 1000, expires: 9000, changed: 2000 };
  return JSON.stringify({ id: "p1", token: "t", host: "vm1", ...times, state, handOuts: 1, ...change });
}

const EVENT = { key: "journal/vm1/1-1-a", value: "{}" };

test("what installers report and what the journal holds are facts; everything else needs the cluster", () => {
  const facts = STATES.filter((state) => isFact({ put: [{ key: "permit/vm1", value: permit(state) }, EVENT] }));
  assert.deepEqual(facts, ["writing", "used", "failed"]);
  assert.equal(isFact({ put: [EVENT], remove: ["journal/vm1/0-0-a"] }), true);
  assert.equal(isFact({ put: [{ key: "lease/10.0.0.7", value: "{}" }] }), false);
  assert.equal(isFact({ put: [{ key: "lease/10.0.0.7", value: '{"apart":true}' }] }), true);
  assert.equal(isFact({ put: [EVENT], remove: ["permit/vm1"] }), false);
});

test("of the same permit the state wins that is further from installing the machine again", () => {
  const rows: ReadonlyArray<readonly [PermitState, PermitState, PermitState]> = [
    ["issued", "used", "used"],
    ["started", "writing", "writing"],
    ["cancelled", "used", "used"],
    ["writing", "cancelled", "writing"],
    ["failed", "used", "used"],
    ["expired", "started", "expired"],
  ];
  for (const [mine, theirs, winner] of rows) {
    assert.equal(resolveKey("permit/vm1", permit(mine), permit(theirs)), permit(winner), `${mine} ${theirs}`);
  }
});

test("a permit that was issued later replaces an earlier one, whatever became of that", () => {
  const later = permit("issued", { id: "p2", issued: 5000 });
  assert.equal(resolveKey("permit/vm1", permit("used"), later), later);
});

test("of two leases of one address the one that lasts longer is kept", () => {
  const lease = (mac: string, expires: number) => JSON.stringify({ mac, state: "bound", expires });
  const [short, long] = [lease("02:00:00:00:00:99", 900), lease("02:00:00:00:00:01", 1000)];
  assert.equal(resolveKey("lease/10.0.0.7", short, long), long);
  assert.equal(resolveKey("lease/10.0.0.7", long, "[]"), long);
});

test("whichever is whose makes no difference, and merging again changes nothing", () => {
  const value = fc
    .record({
      state: fc.constantFrom(...STATES),
      id: fc.constantFrom("p1", "p2"),
      issued: fc.nat(3),
      handOuts: fc.nat(3),
    })
    .map(({ state, ...change }) => permit(state, change));
  const lease = fc.record({ mac: fc.string(), expires: fc.nat(3) }).map((record) => JSON.stringify(record));
  const side = fc.option(fc.oneof(value, lease, fc.string(), fc.json()), { nil: undefined });
  fc.assert(
    fc.property(fc.constantFrom("permit/vm1", "journal/x", "lease/10.0.0.7"), side, side, side, (key, a, b, c) => {
      const merged = resolveKey(key, a, b);
      assert.equal(resolveKey(key, b, a), merged);
      assert.equal(resolveKey(key, merged, b), merged);
      if (!key.startsWith("permit"))
        assert.equal(resolveKey(key, resolveKey(key, a, b), c), resolveKey(key, a, resolveKey(key, b, c)));
    }),
  );
});
