import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { prepareMirror } from "../../../lab/mirror.ts";
import { packageObstacle } from "../../../lab/prerequisites.ts";

test("without an archive it says so in one line and leaves no half-made mirror", {
  skip: packageObstacle("installer", "mirror"),
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "everboot-mirror-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const before = process.env.APT_CONFIG;
  t.after(() => {
    if (before === undefined) delete process.env.APT_CONFIG;
    else process.env.APT_CONFIG = before;
  });
  process.env.APT_CONFIG = join(folder, "apt.conf");
  writeFileSync(process.env.APT_CONFIG, 'Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "-";\n');
  const cacheFolder = join(folder, "cache");
  await assert.rejects(prepareMirror({ cacheFolder }), {
    code: "lab-broken",
    message: /^lab: no package mirror: apt knows no archive of Debian \w+: .*apt-get update$/,
  });
  assert.deepEqual(readdirSync(cacheFolder), []);
});
