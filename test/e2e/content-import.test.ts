/** `everboot import` of the Debian installer's own package, through the command. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Io } from "../../src/cli/command.ts";
import { importCommand } from "../../src/cli/import.ts";
import { folderResolver } from "../../src/content/folder.ts";
import { readManifest, verifyTree } from "../../src/content/manifest.ts";
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
    assert.equal(await importCommand.run([IMAGES, "--as", "debian-12"], io), 0);
    const tree = join(cwd, "tree");
    for (const name of ["linux", "initrd.gz"]) {
      const original = await readFile(join(IMAGES, "debian-installer/amd64", name));
      assert.ok(original.equals(await readFile(join(tree, "netboot", name))), name);
      assert.equal((await folderResolver(tree)(`netboot/${name}`)).kind, "file");
    }
    const manifest = await readManifest(tree);
    assert.deepEqual(manifest && [...manifest.keys()], ["netboot/initrd.gz", "netboot/linux"]);
    assert.deepEqual(manifest && (await verifyTree(tree, manifest)), []);
    assert.match(said.join("\n"), /^kernel 6\.1\.0-\d+-amd64$/m);
    assert.match(said.join("\n"), /took in 2 files, \d+\.\d MB/);
    await assert.rejects(importCommand.run([IMAGES, "--as", "debian-1"], io), { code: "tree-unknown" });
    await assert.rejects(importCommand.run([IMAGES], io), { code: "usage" });
  } finally {
    await rm(cwd, { recursive: true });
  }
});
