import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nfsExports } from "../../../../src/server/nfs/exports.ts";

const treesOf = (names: readonly string[]) => names.map((name) => ({ name, folder: `/srv/${name}` }));

test("an export's numbers come from its name, whatever stands beside it", () => {
  const [alone] = nfsExports(treesOf(["debian-12"]));
  assert.deepEqual(alone, {
    name: "debian-12",
    folder: "/srv/debian-12",
    path: "/trees/debian-12",
    id: alone?.id,
    fsid: alone?.fsid,
  });
  const among = nfsExports(treesOf(["rocky-9", "debian-12", "suse-15"]));
  assert.deepEqual(
    among.map(({ name }) => name),
    ["debian-12", "rocky-9", "suse-15"],
  );
  assert.deepEqual(among[0], alone);
  assert.match(alone?.fsid ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("ids are in their range, no two are the same, and the order of the trees does not matter", () => {
  const names = fc.uniqueArray(fc.string({ unit: fc.constantFrom(..."abc-1"), minLength: 1, maxLength: 12 }), {
    maxLength: 900,
    size: "max",
  });
  fc.assert(
    fc.property(names, (given) => {
      const exports = nfsExports(treesOf(given));
      assert.equal(new Set(exports.map(({ id }) => id)).size, given.length);
      assert.ok(exports.every(({ id }) => id >= 1 && id <= 65_535));
      assert.deepEqual(nfsExports(treesOf(given.toReversed())), exports);
    }),
    { numRuns: 20 },
  );
});

test("two names that come to one id: the second by name takes the next", () => {
  const byId = new Map<number, string>();
  for (let number = 0; ; number++) {
    const name = `tree-${number}`;
    const [only] = nfsExports(treesOf([name]));
    assert.ok(only);
    const other = byId.get(only.id);
    byId.set(only.id, name);
    if (other === undefined) continue;
    const [first, second] = nfsExports(treesOf([name, other]));
    assert.equal(first?.id, only.id);
    assert.equal(second?.id, 1 + (only.id % 65_535));
    return;
  }
});

test("a folder that no configuration can hold is refused by name", () => {
  for (const folder of ['/srv/"x"', "/srv/a\nb", "/srv/a\\b"]) {
    assert.throws(
      () => nfsExports([{ name: "odd", folder }]),
      /^EverbootError: tree odd: its folder ".*" cannot be served by NFS/,
    );
  }
});
