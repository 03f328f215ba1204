/** `everboot import` of the Debian installer's own package, through the command, and of a medium, as processes. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { Io } from "../../src/cli/command.ts";
import { createImportCommand } from "../../src/cli/import.ts";
import { readManifest, verifyTree } from "../../src/content/manifest.ts";
import { servedFolder } from "../../src/content/versions.ts";
import { versionedResolver } from "../../src/content/versions-resolver.ts";
import { tempFolder } from "./mirror-lab.ts";

const IMAGES = "/usr/lib/debian-installer/images/12/amd64/text";
const SITE = `site: t
subnets:
  - {cidr: 192.168.77.0/24, router: 192.168.77.1, dhcp: authoritative}
servers: {one: {address: 192.168.77.1}}
trees: {debian-12: {family: debian, release: bookworm, path: ./tree}}
profiles: {plain: {tree: debian-12}}
hosts:
  vm1: {nics: ["52:54:00:00:00:01"], address: 192.168.77.101, profile: plain}
`;

const skip = existsSync(IMAGES) ? false : "needs package debian-installer-12-netboot-amd64";

test("imports the netboot images of Debian's package", { skip }, async () => {
  const cwd = await tempFolder();
  try {
    await writeFile(join(cwd, "site.yaml"), SITE);
    const said: string[] = [];
    const say = (line: string) => void said.push(line);
    const io: Io = {
      ...{ out: say, err: say, write: say, columns: 80 },
      cwd,
      env: {},
      signal: new AbortController().signal,
      terminal: false,
    };
    const importCommand = createImportCommand(async () => new Set());
    assert.equal(await importCommand.run([IMAGES, "--as", "debian-12"], io), 0);
    const tree = join(cwd, "tree");
    for (const name of ["linux", "initrd.gz"]) {
      const original = await readFile(join(IMAGES, "debian-installer/amd64", name));
      assert.ok(original.equals(await readFile(join(await servedFolder(tree), "netboot", name))), name);
      assert.equal((await versionedResolver(tree).lookup(`netboot/${name}`)).kind, "file");
    }
    const served = await servedFolder(tree);
    const manifest = await readManifest(served);
    assert.deepEqual(manifest && [...manifest.keys()], ["netboot/initrd.gz", "netboot/linux"]);
    assert.deepEqual(manifest && (await verifyTree(served, manifest)), []);
    assert.match(said.join("\n"), /^kernel 6\.1\.0-\d+-amd64$/m);
    assert.match(said.join("\n"), /took in 2 files, \d+\.\d MiB$/m);
    await assert.rejects(importCommand.run([IMAGES, "--as", "debian-1"], io), { code: "tree-unknown" });
    assert.equal(await importCommand.run([IMAGES], io), 0);
    assert.match(said.at(-1) ?? "", /^ {2}debian-bookworm: \{family: debian, release: "bookworm", arch: amd64, path: /);
  } finally {
    await rm(cwd, { recursive: true });
  }
});

const MEDIUM = {
  ".treeinfo": "[general]\narch = x86_64\nversion = 9.6\n\n[release]\nname = Rocky Linux\nversion = 9.6\n",
  "BaseOS/Packages/b/bash-5.1.8-9.el9.x86_64.rpm": "a package",
  "BaseOS/repodata/repomd.xml": "<repomd/>",
  "images/install.img": "stage 2",
  "images/pxeboot/initrd.img": "initrd",
  "images/pxeboot/vmlinuz": "kernel",
};
const ROCKY_SITE = SITE.replace(
  /^trees: .*$/m,
  `trees:
  rocky-9: {family: redhat, release: "9", path: ./rocky-9}
  rocky-8: {family: redhat, release: "8", path: ./rocky-8}`,
).replace("tree: debian-12", "tree: rocky-9");

test("a medium says what it is, goes into its tree, into no other, and check compares them", async () => {
  const cwd = await tempFolder();
  const everboot = (...args: string[]) => {
    const main = join(import.meta.dirname, "../../src/cli/main.ts");
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { cwd, encoding: "utf8" });
    return { status, stdout, stderr };
  };
  const medium = join(cwd, "medium");
  try {
    await writeFile(join(cwd, "site.yaml"), ROCKY_SITE);
    for (const [path, text] of Object.entries(MEDIUM)) {
      await mkdir(dirname(join(medium, path)), { recursive: true });
      await writeFile(join(medium, path), text);
    }
    const line = '  redhat-9.6: {family: redhat, release: "9.6", arch: amd64, path: ./trees/redhat-9.6}';
    const told = everboot("import", "medium");
    assert.deepEqual([told.status, told.stderr], [0, ""]);
    assert.match(
      told.stdout,
      /^Rocky Linux 9\.6 for amd64 \(family redhat\)\n.*`everboot import medium --as redhat-9\.6`/,
    );
    assert.equal(told.stdout.trimEnd().split("\n").at(-1), line);
    await writeFile(join(cwd, "declared.yaml"), ROCKY_SITE.replace(/^profiles:/m, `${line}\n$&`));
    assert.deepEqual(everboot("import", "medium", "--as", "redhat-9.6", "-c", "declared.yaml").status, 0);

    const taken = everboot("import", "medium", "--as", "rocky-9");
    assert.equal(taken.status, 0, taken.stderr);
    const [first = "", ...rest] = taken.stdout.split("\n");
    assert.match(first, /^Rocky Linux 9\.6 /);
    assert.deepEqual(rest.slice(0, 2), [
      "it has no hashes of its own: nothing says whether it is whole",
      "0 of 6 files are what the lists of hashes beside them say",
    ]);
    assert.match(rest[2] ?? "", /^tree rocky-9 at .*\/rocky-9: took in 6 files, \d+ B$/);
    assert.match(rest[3] ?? "", /^version [0-9a-f]{12} is served now$/);
    const served = await servedFolder(join(cwd, "rocky-9"));
    const manifest = await readManifest(served);
    assert.deepEqual(manifest && [...manifest.keys()].sort(), Object.keys(MEDIUM).sort());
    assert.deepEqual(manifest && (await verifyTree(served, manifest)), []);

    const refused = everboot("import", "medium", "--as", "rocky-8");
    assert.equal(refused.status, 2);
    assert.equal(
      refused.stderr,
      `everboot: ${medium}: this is Rocky Linux 9.6 for amd64 (family redhat), and tree rocky-8 is redhat 8 for amd64: ` +
        "name another tree, or correct its `release`\n",
    );
    assert.equal(existsSync(join(cwd, "rocky-8")), false);

    await mkdir(join(cwd, "rocky-8/images/pxeboot"), { recursive: true });
    for (const path of [".treeinfo", "images/pxeboot/vmlinuz"] as const) {
      await writeFile(join(cwd, "rocky-8", path), MEDIUM[path]);
    }
    const checked = everboot("check");
    assert.equal(checked.status, 0);
    const warning = checked.stderr.split("\n").filter((each) => /tree rocky-[89]/.test(each));
    assert.deepEqual(warning, [
      `site.yaml:7:38: warning: tree rocky-8: ${join(cwd, "rocky-8")} holds Rocky Linux 9.6 for amd64 (family redhat), ` +
        "correct `release`, or take the right medium into another folder",
    ]);
  } finally {
    await rm(cwd, { recursive: true });
  }
});

test("a folder that is nothing is told with what was looked for", async () => {
  const cwd = await tempFolder();
  const main = join(import.meta.dirname, "../../src/cli/main.ts");
  const { status, stderr } = spawnSync(process.execPath, [main, "import", "."], { cwd, encoding: "utf8" });
  await rm(cwd, { recursive: true });
  assert.equal(status, 2);
  assert.match(stderr, /^everboot: .*: no install medium of a family that is known: looked for .*\.treeinfo.*\n$/);
});
