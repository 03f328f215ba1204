import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { boxOf, GAP, indexAt, layoutGrid, moveByKey, rowsInSight } from "../../../web/src/grid-layout.ts";

test("few machines are shown with all that is known, thousands by their letter", () => {
  assert.equal(layoutGrid(40, 1400, 900).detail, "full");
  assert.equal(layoutGrid(400, 1400, 900).detail, "name");
  assert.equal(layoutGrid(5000, 1400, 900).detail, "letter");
  assert.equal(layoutGrid(12, 328, 640).detail, "full");
});

const layouts = fc.record({ count: fc.integer({ min: 1, max: 5000 }), width: fc.integer({ min: 30, max: 3000 }) });

test("a machine is where it is drawn, within the grid, and apart from its neighbours", () => {
  fc.assert(
    fc.property(layouts, fc.nat(), ({ count, width }, pick) => {
      const layout = layoutGrid(count, width, 900);
      const index = pick % count;
      const { x, y, width: wide, height: high } = boxOf(index, layout);
      assert.ok(x >= 0 && x + wide <= width + 0.001 && y + high <= layout.height);
      assert.equal(indexAt(x + wide / 2, y + high / 2, layout, count), index);
      assert.equal(indexAt(x + wide + GAP / 2, y + high / 2, layout, count), undefined);
    }),
  );
});

test("no machine is beyond the last one", () => {
  const layout = layoutGrid(10, 1000, 900);
  const { x, y } = boxOf(10, layout);
  assert.equal(indexAt(x + 5, y + 5, layout, 10), undefined);
  assert.equal(indexAt(-1, 5, layout, 10), undefined);
});

test("keys go from machine to machine and stop at the ends", () => {
  const move = (index: number, key: string) => moveByKey(index, key, 23, 5, 2);
  assert.equal(move(7, "ArrowRight"), 8);
  assert.equal(move(7, "ArrowLeft"), 6);
  assert.equal(move(7, "ArrowDown"), 12);
  assert.equal(move(7, "ArrowUp"), 2);
  assert.equal(move(2, "ArrowUp"), 2);
  assert.equal(move(20, "ArrowDown"), 20);
  assert.equal(move(7, "PageDown"), 17);
  assert.equal(move(14, "PageDown"), 19);
  assert.equal(move(12, "PageDown"), 22);
  assert.equal(move(7, "PageUp"), 2);
  assert.equal(move(7, "Home"), 0);
  assert.equal(move(7, "End"), 22);
  assert.equal(move(7, "a"), undefined);
  assert.equal(moveByKey(0, "End", 0, 5, 2), undefined);
});

test("no key leads out of the fleet", () => {
  const keys = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End"];
  const places = fc.record({
    count: fc.integer({ min: 1, max: 300 }),
    columns: fc.integer({ min: 1, max: 50 }),
    pick: fc.nat(),
  });
  fc.assert(
    fc.property(places, fc.constantFrom(...keys), ({ count, columns, pick }, key) => {
      const next = moveByKey(pick % count, key, count, columns, 3);
      assert.ok(next !== undefined && next >= 0 && next < count, `${key} from ${pick % count} to ${next}`);
    }),
  );
});

test("rows in sight", () => {
  assert.deepEqual(rowsInSight(100, 200, 30, 1000), [3, 7]);
  assert.deepEqual(rowsInSight(0, 50, 30, 1), [0, 1]);
  assert.deepEqual(rowsInSight(900, 1000, 30, 10), [10, 10]);
});
