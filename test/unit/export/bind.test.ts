import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { bind } from "../../../src/export/bind.ts";
import { installedJudge, runJudge } from "../../support/judges.ts";
import { exampleSite } from "../../support/sites.ts";
import { assertGoldenExport, FIXTURES, inFolder, SITES, textsOf } from "./export-cases.ts";

const conf = installedJudge("named-checkconf");
const zone = installedJudge("named-checkzone");
/** Names of other zones would be asked of this machine's own DNS. */
const ALONE = ["-i", "local"];

/** The apexes of the zones that the files are of. */
const apexesOf = (texts: ReadonlyMap<string, string>) =>
  [...texts.keys()].flatMap((path) => (path.startsWith("db.") ? [path.slice("db.".length)] : []));

for (const [name, site] of SITES) {
  test(`BIND accepts what is made from the site ${name}`, { skip: conf.obstacle ?? zone.obstacle }, () => {
    const texts = textsOf(bind, site);
    const verdicts = inFolder(
      texts,
      (folder) => [
        runJudge(conf.path, [join(folder, "named.conf.everboot")]),
        ...apexesOf(texts).map((apex) => runJudge(zone.path, [...ALONE, apex, join(folder, `db.${apex}`)])),
      ],
      (text, folder) => text.replaceAll("/etc/bind/", `${folder}/`),
    );
    for (const { code, output } of verdicts) assert.equal(code, 0, output);
  });
}

test("BIND refuses the bad twin", { skip: zone.obstacle }, () => {
  const { code, output } = runJudge(zone.path, [...ALONE, "lab.example", join(FIXTURES, "bind-bad.zone")]);
  assert.equal(code, 1);
  assert.match(output, /near '192\.168\.0\.999': bad dotted quad/);
});

test("the papers' zone: the install name has both servers' floating addresses", () => {
  const texts = textsOf(bind, exampleSite("pair"));
  const lines = texts.get("db.youyuanyin.org")?.split("\n") ?? [];
  assert.deepEqual(
    lines.filter((line) => line.startsWith("ftp.")),
    ["ftp.youyuanyin.org. IN A 192.168.0.253", "ftp.youyuanyin.org. IN A 192.168.0.254"],
  );
  assert.match(texts.get("named.conf.everboot") ?? "", /zone "youyuanyin\.org" \{\n {2}type primary;/);
});

test("the files of the smallest site", () => assertGoldenExport(bind, "single"));

test("the files of a site with all kinds of subnet", () => assertGoldenExport(bind, "edges"));
