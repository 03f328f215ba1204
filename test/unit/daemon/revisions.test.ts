import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { SiteRevisionsHere } from "../../../src/daemon-revisions.ts";
import { exampleSite, exampleText } from "../../support/sites.ts";

function here(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "everboot-revisions-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = { path: "/etc/everboot/site.yaml", text: exampleText("single"), site: exampleSite("single") };
  return { folder, revisions: new SiteRevisionsHere(file, folder) };
}

test("trees of an applied file are found from this server's own file", (t) => {
  const { revisions } = here(t);
  const { site, number } = revisions.load({ text: exampleText("single"), number: 4 });
  assert.equal(site.trees.get("debian-12")?.path, "/etc/everboot/trees/debian-12");
  assert.equal(number, 4);
});

test("what this version cannot load is told with its first problem", (t) => {
  const text = `${exampleText("single")}future: yes\n`;
  assert.throws(() => here(t).revisions.load({ text, number: 7 }), {
    code: "site-unusable",
    message: /^revision 7 of the site file cannot be used by this version of Everboot \(line \d+: .*future/,
  });
});

test("what was served last is kept, and the next one takes its place; what is broken there does not count", async (t) => {
  const { folder, revisions } = here(t);
  assert.equal(revisions.kept(), undefined);
  for (const number of [1, 2]) {
    const served = revisions.load({ text: `# ${number}\n${exampleText("single")}`, number });
    await revisions.keep(served);
    assert.deepEqual(revisions.kept(), served);
  }
  const path = join(folder, "served-site.json");
  writeFileSync(path, readFileSync(path, "utf8").slice(0, 100));
  assert.equal(revisions.kept(), undefined);
});
