/** `everboot tree` on versions that imports have made. */
import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { Io } from "../../src/cli/command.ts";
import { createTreeCommand } from "../../src/cli/tree.ts";
import type { UsedVersions } from "../../src/cli/tree-use.ts";
import { importTree } from "../../src/content/import.ts";
import { currentVersion, versionFolder } from "../../src/content/versions.ts";
import { FAMILIES } from "../../src/registry.ts";
import type { Tree } from "../../src/site/model.ts";
import { layOut, MEDIA } from "./media-lab.ts";
import { tempFolder } from "./mirror-lab.ts";

const SITE = `site: t
subnets:
  - {cidr: 192.168.77.0/24, router: 192.168.77.1, dhcp: authoritative}
servers: {one: {address: 192.168.77.1}}
trees:
  rocky-9: {family: redhat, release: "9", path: ./rocky-9}
  plain: {family: redhat, release: "8", path: ./plain}
`;

let cwd: string;
let versions: string[];
const tree = (): Tree => ({
  name: "rocky-9",
  family: "redhat",
  release: "9",
  arch: "amd64",
  path: join(cwd, "rocky-9"),
});

beforeEach(async () => {
  cwd = await tempFolder();
  await writeFile(join(cwd, "site.yaml"), SITE);
  versions = [];
  for (const build of ["one", "two", "three"]) {
    const medium = MEDIA[0]?.make(build);
    assert.ok(medium);
    await layOut(medium, join(cwd, build));
    versions.push((await importTree(join(cwd, build), tree(), FAMILIES)).version);
  }
});
afterEach(() => rm(cwd, { recursive: true }));

function treeCommand(used: UsedVersions = async () => new Set()) {
  const said: string[] = [];
  const say = (line: string) => void said.push(line);
  const stop = new AbortController();
  const io: Io = {
    ...{ out: say, err: say, write: say, columns: 80, cwd, env: {}, signal: stop.signal, terminal: false },
  };
  const command = createTreeCommand(used);
  return async (...args: string[]) => {
    said.length = 0;
    return { code: await command.run(args, io), said: [...said] };
  };
}

test("list shows what there is, the served one marked", async () => {
  const run = treeCommand();
  const { said } = await run("list");
  const row = (id: string | undefined, mark: string) =>
    new RegExp(`^ {2}${mark} {2}${id} {2}.*\\d\\d:\\d\\d:\\d\\d {2}6 files {2}3\\.0 MiB$`);
  assert.equal(said[0], "rocky-9");
  for (const line of [row(versions[0], " "), row(versions[1], " "), row(versions[2], ">")]) {
    assert.equal(said.filter((each) => line.test(each)).length, 1, String(line));
  }
  assert.equal(said[4], "plain: no versions, it is served as it lies");
  const { said: json } = await run("list", "rocky-9", "--json");
  const [listed] = JSON.parse(json[0] ?? "") as [{ tree: string; versions: { id: string; current: boolean }[] }];
  assert.deepEqual(listed.versions.map(({ id }) => id).sort(), [...versions].sort());
  assert.equal(listed.versions.find(({ current }) => current)?.id, versions[2]);
  await assert.rejects(run("list", "rocky"), { code: "tree-unknown" });
  await assert.rejects(run("lst"), { code: "usage" });
});

test("verify tells what differs, of the served version or of a given one", async () => {
  const run = treeCommand();
  const [first = "", , third = ""] = versions;
  assert.deepEqual(await run("verify", "rocky-9"), {
    code: 0,
    said: [`tree rocky-9, version ${third}: all files are what its manifest says`],
  });
  const folder = versionFolder(tree().path, first);
  // A new file: those of the other versions may be the same one on disk.
  await rm(join(folder, "images/pxeboot/vmlinuz"));
  await writeFile(join(folder, "images/pxeboot/vmlinuz"), "kernel 0ne");
  await rm(join(folder, "images/install.img"));
  assert.deepEqual(await run("verify", "rocky-9", "--version", first), {
    code: 1,
    said: [
      "images/install.img is missing",
      "images/pxeboot/vmlinuz has other bytes",
      `tree rocky-9, version ${first}: 2 files of it not as its manifest says`,
    ],
  });
  assert.equal((await run("verify", "rocky-9")).code, 0);
  await assert.rejects(run("verify", "plain"), { code: "tree-incomplete" });
});

test("pin keeps and serves, unpin lets go", async () => {
  const run = treeCommand();
  const [first = "", second = ""] = versions;
  assert.match((await run("pin", "rocky-9", first, "--serve")).said.join(), /is pinned, and served from now on$/);
  assert.equal(await currentVersion(tree().path), first);
  await run("pin", "rocky-9", second);
  await assert.rejects(run("remove", "rocky-9", second), { code: "version-kept" });
  await run("unpin", "rocky-9", second);
  assert.equal((await run("remove", "rocky-9", second)).code, 0);
  await assert.rejects(run("pin", "rocky-9", second), { code: "version-unknown" });
});

test("remove heeds running installs, and wants to know of them", async () => {
  const [first = "", second = ""] = versions;
  const asked: string[] = [];
  const used = treeCommand(async (name) => {
    asked.push(name);
    return new Set([first]);
  });
  await assert.rejects(used("remove", "rocky-9", first), { code: "version-kept", message: /running installs/ });
  assert.equal((await used("remove", "rocky-9", second)).code, 0);
  assert.deepEqual(asked, ["rocky-9", "rocky-9"]);
  const blind = treeCommand(async () => undefined);
  await assert.rejects(blind("remove", "rocky-9", first), { code: "version-kept", message: /or give --force$/ });
  assert.equal((await blind("remove", "rocky-9", first, "--force")).code, 0);
});
