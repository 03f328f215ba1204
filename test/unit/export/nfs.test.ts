import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { nfsEnvironment, nfsObstacle } from "../../../lab/nfs.ts";
import { exportedTrees, nfs } from "../../../src/export/nfs.ts";
import { rackObstacle } from "../../support/dhcp-rack.ts";
import { siteOf } from "../../support/sites.ts";
import { assertGoldenExport, EDGES, textsOf } from "./export-cases.ts";

test("the files of a site for the two servers", () => {
  assertGoldenExport(nfs, "edges");
});

test("a mirror is no export", () => {
  const site = siteOf(
    EDGES.replace("trees:", "trees:\n  mirror: {family: debian, release: trixie, path: /srv/m, upstream: apt}"),
  );
  assert.deepEqual(exportedTrees(site), [{ name: "debian-12", folder: "/srv/debian-12" }]);
});

/** exportfs writes the kernel's table of exports from the file: here in an /etc and a /var/lib of its own. */
const EXPORTFS = `
text=$(cat "$1")
mount -t tmpfs tmpfs /etc
mount -t tmpfs tmpfs /var/lib
mkdir /var/lib/nfs
touch /var/lib/nfs/etab /var/lib/nfs/rmtab
printf '%s\n' "$text" > /etc/exports
exportfs -ra
cat /var/lib/nfs/etab
`;
const skip = nfsObstacle() ?? rackObstacle("unshare");

test("exportfs reads the file as it is meant", { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), "everboot-exports-"));
  try {
    const tree = join(folder, "a tree (12)#");
    mkdirSync(tree);
    const text = textsOf(nfs, siteOf(EDGES.replace("/srv/debian-12", JSON.stringify(tree)))).get("exports") ?? "";
    const file = join(folder, "exports");
    writeFileSync(file, text);
    const ran = spawnSync("unshare", ["--mount", "sh", "-euc", EXPORTFS, "judge", file], {
      encoding: "utf8",
      env: { ...process.env, ...nfsEnvironment() },
    });
    assert.equal(ran.stderr, "");
    const table = ran.stdout.trim().split("\n");
    assert.equal(table.length, 3);
    for (const line of table) {
      assert.ok(line.startsWith(`${tree.replaceAll(" ", "\\040").replaceAll("#", "\\043")}\t`), line);
      assert.match(line, /\(ro,.*\binsecure\b.*\ball_squash\b.*\bfsid=[0-9a-f-]{36}\b/);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
