import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { checkFamilies, checkVersion, createNfsCheck } from "../../../src/cli/world-checks.ts";
import { exampleSite } from "../../support/sites.ts";

test("the smallest example asks for nothing that cannot be done", async () => {
  const site = exampleSite("single");
  assert.deepEqual([...(await checkFamilies(site)), ...(await checkVersion(site))], []);
});

test("the pair is told what this version leaves undone, each at its place", async () => {
  const site = exampleSite("pair");
  const found = [...(await checkFamilies(site)), ...(await checkVersion(site))];
  assert.deepEqual(
    found.map(({ path }) => path.join(".")),
    ["names"],
  );
  const alone = exampleSite("pair", (text) => text.replace(/^state: .*\n/m, ""));
  assert.deepEqual(
    (await checkVersion(alone)).map(({ path }) => path.join(".")),
    ["servers", "names"],
  );
  for (const { what, todo } of found) assert.ok(what && todo);
});

test("a profile for unknown machines is told", async () => {
  const site = exampleSite("single", (text) =>
    text
      .replace("unknown: ignore", "unknown: plain")
      .replace(/192\.168\.77\.100-192\.168\.77\.150/, "192.168.77.200-192.168.77.250"),
  );
  assert.deepEqual(
    (await checkVersion(site)).map(({ path }) => path),
    [["unknown"]],
  );
});

test("a host that asks its family for what it cannot do is told by name", async () => {
  const site = exampleSite("single", (text) =>
    text.replace("    tree: debian-12", "    tree: debian-12\n    via: nfs"),
  );
  const found = await checkFamilies(site);
  assert.deepEqual(
    found.map(({ path }) => path.join(".")),
    ["hosts.vm1", "hosts.vm2"],
  );
  assert.match(found[0]?.what ?? "", /^host vm1: profile plain: the Debian Installer cannot fetch by NFS: /);
});

test("programs for NFS are looked for only where a profile asks for it, each named with its package", async () => {
  const byNfs = exampleSite("single", (text) =>
    text.replace("    tree: debian-12", "    tree: debian-12\n    via: nfs"),
  );
  const folder = await mkdtemp(join(tmpdir(), "everboot-programs-"));
  const check = createNfsCheck(folder);
  assert.deepEqual(await check(exampleSite("single")), []);
  const missing = (await check(byNfs)).map(({ what }) => what.split(",")[0]);
  await writeFile(join(folder, "ganesha.nfsd"), "");
  const found = await check(byNfs);
  await rm(folder, { recursive: true });
  assert.ok(found.every(({ what }) => !what.startsWith("ganesha.nfsd")));
  // A computer that has them where distributions put them lacks nothing.
  const isHere = existsSync("/usr/sbin/ganesha.nfsd");
  assert.equal(missing.includes("ganesha.nfsd"), !isHere);
});
