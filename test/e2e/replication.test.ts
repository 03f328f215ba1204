/**
 * Three servers, each a process: one comes with empty disks and fetches a tree from the two others, while one or the other
 * is killed (SIGKILL), or its cable is pulled, ten times. `SEED=` replays whom and when.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { namespaceObstacle } from "../../lab/netns.ts";
import { ServersLab } from "../../lab/servers.ts";
import { verifyTree } from "../../src/content/manifest.ts";
import { PIECE_BYTES } from "../../src/content/replica-pieces.ts";
import { readVersionManifest, versionFolder, versionId, versionIds } from "../../src/content/versions.ts";
import { testBytes } from "../support/http-folder.ts";
import { addVersion, SITE_KEY, TREE, temporaryTree } from "../support/tree-peers.ts";
import { ServerProcess } from "./replication-process.ts";

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
const TROUBLES = 10;
const RATE = 8_000_000;

/** An image of twelve pieces, and packages: 64 MB. */
const FILES = {
  "images/live.iso": testBytes(12 * PIECE_BYTES - 77, "live"),
  ...Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`pool/p${n}.deb`, testBytes(40_000 + 97 * n, `p${n}`)])),
};
const TOTAL = Object.values(FILES).reduce((sum, { length }) => sum + length, 0);

/** From 0 to less than 1; the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Two servers that have the tree, and one that comes; `third` tells of its progress. */
interface Site extends AsyncDisposable {
  readonly servers: readonly [ServerProcess, ServerProcess, ServerProcess];
  readonly current: string;
  /** The new server's tree. */
  readonly root: string;
}

async function openSite(lab?: ServersLab): Promise<Site> {
  await using stack = new AsyncDisposableStack();
  const roots: string[] = [];
  for (let number = 0; number < 3; number++) roots.push(stack.use(await temporaryTree()).root);
  const [first = "", second = "", root = ""] = roots;
  const current = await addVersion(first, FILES);
  assert.equal(await addVersion(second, FILES), current);
  const open = (name: string, path: string, number: number) => {
    const place = lab?.servers[number];
    const about = { name, root: path, tree: TREE, current, key: Buffer.from(SITE_KEY).toString("hex"), rate: RATE };
    return stack.use(new ServerProcess({ ...about, address: place?.address ?? "127.0.0.1" }, place?.space));
  };
  const servers = [open("one", first, 0), open("two", second, 1), open("three", root, 2)] as const;
  const [one, two, three] = servers;
  await Promise.all([one.start(), two.start()]);
  await three.start({ one: one.url, two: two.url });
  const kept = stack.move();
  return { servers, current, root, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

const doneOf = (server: ServerProcess) => server.told.at(-1)?.done ?? 0;

/** Comes to each trouble at a random moment of the transfer, and ends when the tree is served. */
async function spoil(
  site: Site,
  random: () => number,
  trouble: (victim: ServerProcess) => Promise<void>,
): Promise<void> {
  const { servers, current, root } = site;
  const [, , three] = servers;
  for (let count = 0; count < TROUBLES; count++) {
    const moment = (TOTAL * (count + random())) / (TROUBLES + 3);
    await three.until(() => doneOf(three) >= moment);
    assert.deepEqual(await versionIds(root), [], "no version before it is whole");
    await trouble(servers[Math.floor(random() * 3)] ?? three);
  }
  await three.until(() => three.told.at(-1)?.current === current);
  assert.ok(
    three.told.some(({ from }) => from?.join() === "one,two"),
    "from both at once",
  );
  const manifest = await readVersionManifest(root, current);
  assert.equal(versionId(manifest), current);
  assert.deepEqual(await verifyTree(versionFolder(root, current), manifest), []);
}

test("a third server gets the tree from the two others, whoever is killed meanwhile", async (t) => {
  t.diagnostic(`SEED=${SEED}`);
  await using site = await openSite();
  const [, , three] = site.servers;
  await spoil(site, randomFrom(SEED), async (victim) => {
    t.diagnostic(`killed: ${victim.name}`);
    await victim.kill();
    const [kept, lines] = [doneOf(three), three.told.length];
    await victim.start();
    if (victim !== three) return;
    const progress = () => three.told.slice(lines).find(({ done }) => done !== undefined)?.done;
    await three.until(() => progress() !== undefined);
    assert.ok((progress() ?? 0) >= kept, `${progress()} bytes are left of ${kept}`);
  });
});

test("and whoever's cable is pulled", { skip: namespaceObstacle() }, async (t) => {
  t.diagnostic(`SEED=${SEED}`);
  const lab = await ServersLab.open("rpl", 3);
  try {
    await using site = await openSite(lab);
    const random = randomFrom(SEED);
    await spoil(site, random, async (victim) => {
      const place = lab.servers[site.servers.indexOf(victim)];
      assert.ok(place);
      // Longer than a silent peer is waited for, half of the times.
      const ms = Math.floor(random() * 2000);
      const how = random() < 0.5 ? "silent" : "carrier";
      t.diagnostic(`${how} for ${ms} ms: ${victim.name}`);
      await lab.cut(place, "lan", how);
      await sleep(ms);
      await lab.heal(place, "lan");
    });
  } finally {
    await lab.close();
  }
});
