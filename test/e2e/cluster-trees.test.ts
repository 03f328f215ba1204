/**
 * Trees of three whole servers: one comes with empty disks and gets its tree from the two others; what is imported at one
 * server is served by all.
 */
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { clusterObstacle, LAB_TREE, LabCluster } from "../../lab/cluster.ts";
import { EVERBOOT } from "../../lab/daemon-process.ts";
import type { LabServer } from "../../lab/servers.ts";
import { verifyTree } from "../../src/content/manifest.ts";
import { currentVersion, readVersionManifest, versionFolder, versionId } from "../../src/content/versions.ts";
import type { TreesAnswer } from "../../src/server/api/operations.ts";
import type { TreeReport } from "../../src/server/api/shapes.ts";
import { testBytes } from "../support/http-folder.ts";
import { addVersion } from "../support/tree-peers.ts";

const skip = clusterObstacle();
/** An image of several pieces, and packages: 12 MB, on their way for 3 s at the rate of the site file. */
const FILES = {
  ...{ linux: testBytes(700_000, "linux"), "initrd.gz": testBytes(1_300_000, "initrd") },
  "images/live.iso": testBytes(9_000_001, "live"),
  ...Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`pool/p${n}.deb`, testBytes(25_000 + 97 * n, `p${n}`)])),
};
const RATE = "4MiB";

let lab: LabCluster;
let first: string;

before(async () => {
  if (skip) return;
  lab = await LabCluster.open({
    ...{ name: "ct", servers: 3, ownTrees: true, hosts: {}, site: { replication: { rate: RATE } } },
    fill: async (folder) => {
      first = await addVersion(folder, FILES);
    },
  });
});

after(async () => lab?.close());

const server = (number: number): LabServer => lab.server(`server${number}`);

async function treeAt(where: LabServer): Promise<TreeReport> {
  const { items } = (await lab.ask(where, "GET", "/api/v1/trees")) as TreesAnswer;
  const tree = items.find(({ name }) => name === LAB_TREE);
  assert.ok(tree);
  return tree;
}

function statusAt({ space, name }: LabServer): Promise<string> {
  return space.exec(process.execPath, [EVERBOOT, "status", "--state", join(lab.folder, name)]);
}

const holdersOf = ({ versions }: TreeReport, version: string) =>
  versions.find(({ id }) => id === version)?.holders ?? [];

/** Equal to the last byte: of all servers the manifest is the id's, and the files are the manifest's. */
async function assertEqualEverywhere(version: string): Promise<void> {
  for (const each of lab.servers) {
    const root = lab.treeOf(each);
    const manifest = await readVersionManifest(root, version);
    assert.equal(versionId(manifest), version);
    assert.deepEqual(await verifyTree(versionFolder(root, version), manifest), [], each.name);
  }
}

async function untilServedEverywhere(version: string): Promise<void> {
  for (const each of lab.servers)
    await lab.until(`${each.name} serves ${version}`, async () => (await currentVersion(lab.treeOf(each))) === version);
  await lab.until("all know it of all", async () => {
    const seen = await Promise.all(lab.servers.map(treeAt));
    return seen.every((tree) => tree.current === version && holdersOf(tree, version).length === 3);
  });
}

test("what all have is what the cluster says, without a transfer", { skip, timeout: 120_000 }, async () => {
  await untilServedEverywhere(first);
  for (const each of lab.servers) assert.deepEqual((await treeAt(each)).lacking, []);
});

test("a server with empty disks gets it from both others at once, and holds it when it is whole and not before", {
  skip,
  timeout: 180_000,
}, async (t) => {
  const third = server(3);
  await lab.killServer(third);
  for (const name of await readdir(lab.state(third)))
    if (name !== "cluster.key" && name !== "site.yaml") rmSync(join(lab.state(third), name), { recursive: true });
  // What it told before it died is its last word until it tells of itself again.
  mkdirSync(lab.treeOf(third));
  await lab.mend();
  const began = performance.now();
  const seen: TreeReport[] = [];
  await lab.until("it lacks nothing", async () => {
    const tree = await treeAt(server(1));
    seen.push(tree);
    const isThere = (await currentVersion(lab.treeOf(third))) === first;
    const isWhole = (await readdir(versionFolder(lab.treeOf(third), first)).catch(() => [])).length > 0;
    if (seen.some(({ lacking }) => lacking.length > 0) && holdersOf(tree, first).includes(third.name))
      assert.ok(isWhole, "told of before it was whole");
    return isThere && isWhole && holdersOf(tree, first).length === 3 && tree.lacking.length === 0;
  });
  t.diagnostic(`${Math.round(performance.now() - began)} ms`);
  const lacking = seen.flatMap((tree) => tree.lacking);
  assert.ok(lacking.length > 0, "the others see that it lacks something");
  assert.deepEqual([...new Set(lacking.map((each) => each.server))], [third.name]);
  assert.ok(
    lacking.some(({ from }) => from.join() === "server1,server2"),
    `from both at once: ${JSON.stringify(lacking.at(-1))}`,
  );
  for (const { lacking: now, ...tree } of seen)
    if (now.length > 0) assert.ok(!holdersOf({ ...tree, lacking: now }, first).includes(third.name), "fit too early");
  await untilServedEverywhere(first);
  await assertEqualEverywhere(first);
});

test("an import at one server is served by all, and status says what is lacking meanwhile", {
  skip,
  timeout: 180_000,
}, async (t) => {
  const medium = join(lab.folder, "netboot");
  mkdirSync(medium);
  writeFileSync(join(medium, "linux"), testBytes(3_000_000, "newer"));
  writeFileSync(join(medium, "initrd.gz"), testBytes(6_000_000, "newer"));
  const said = await lab.everboot(server(2), ["import", medium], ["--as", LAB_TREE]);
  const began = performance.now();
  const [, second = ""] = /version ([0-9a-f]{12}) is served now, in place of/.exec(said) ?? [];
  assert.notEqual(second, "", said);
  await lab.until("status of another server tells who lacks it", async () => {
    const shown = await statusAt(server(1));
    return /server[13]: debian (\d+ % of \d+\.\d MiB from server\d|is )/.test(shown);
  });
  await untilServedEverywhere(second);
  t.diagnostic(`${Math.round(performance.now() - began)} ms`);
  await assertEqualEverywhere(second);
  // The one before is there still, for those who began with it.
  await assertEqualEverywhere(first);
});

test("a version that is pinned and served again at one server is served by all", {
  skip,
  timeout: 120_000,
}, async () => {
  await lab.everboot(server(3), ["tree", "pin"], [LAB_TREE, first, "--serve"]);
  await untilServedEverywhere(first);
  await lab.until("all know that it is pinned", async () => {
    const { versions } = await treeAt(server(1));
    return versions.find(({ id }) => id === first)?.pinned.join() === "server3";
  });
});

test("an import while the others are away is said to them once they are back", { skip, timeout: 180_000 }, async () => {
  const medium = join(lab.folder, "later");
  mkdirSync(medium);
  for (const name of ["linux", "initrd.gz"]) writeFileSync(join(medium, name), testBytes(500_000, "later"));
  for (const number of [2, 3]) await lab.killServer(server(number));
  const said = await lab.everboot(server(1), ["import", medium], ["--as", LAB_TREE]);
  const [, third = ""] = /version ([0-9a-f]{12}) is served now/.exec(said) ?? [];
  // It is served here, and the cluster's word is the old one: nobody can have taken another one.
  await lab.until("it is noticed", async () => lab.logs().includes("is not said to all servers yet"));
  assert.equal((await treeAt(server(1))).current, first);
  assert.equal(await currentVersion(lab.treeOf(server(1))), third);
  await lab.repair();
  await untilServedEverywhere(third);
  await assertEqualEverywhere(third);
});
