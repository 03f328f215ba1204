import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { dnsmasq } from "../../../src/export/dnsmasq.ts";
import type { Site } from "../../../src/site/model.ts";
import { installedJudge, runJudge } from "../../support/judges.ts";
import { exampleSite, siteOf } from "../../support/sites.ts";
import { assertGoldenExport, EDGES, FIXTURES, inFolder, SITES, textsOf } from "./export-cases.ts";

const judge = installedJudge("dnsmasq");

const linesOf = (site: Site) => (textsOf(dnsmasq, site).get("everboot.conf") ?? "").split("\n");

for (const [name, site] of SITES) {
  test(`dnsmasq accepts what is made from the site ${name}`, { skip: judge.obstacle }, () => {
    const { code, output } = inFolder(textsOf(dnsmasq, site), (folder) =>
      runJudge(judge.path, ["--test", "-C", join(folder, "everboot.conf")]),
    );
    assert.equal(code, 0, output);
  });
}

test("dnsmasq refuses the bad twin", { skip: judge.obstacle }, () => {
  const { code, output } = runJudge(judge.path, ["--test", "-C", join(FIXTURES, "dnsmasq-bad.conf")]);
  assert.equal(code, 1);
  assert.match(output, /bad dhcp-range at line 2/);
});

test("the file of the smallest site", () => assertGoldenExport(dnsmasq, "single"));

test("the file of a site with all kinds of subnet and loader", () => assertGoldenExport(dnsmasq, "edges"));

test("all NICs of a host share one line", () => {
  assert.ok(
    linesOf(exampleSite("pair")).includes(
      "dhcp-host=00:1a:64:98:a3:a6,00:1a:64:98:a3:a7,set:host-fileserver,set:loader-auto,192.168.0.159",
    ),
  );
});

test("machines that are no hosts are ignored unless the site lets them in", () => {
  const ignoring = linesOf(siteOf(EDGES.replace("unknown: plain", "unknown: ignore")));
  assert.ok(ignoring.includes("dhcp-ignore=tag:!known"));
  assert.ok(!linesOf(siteOf(EDGES)).includes("dhcp-ignore=tag:!known"));
  assert.deepEqual(
    ignoring.filter((line) => line.startsWith("dhcp-range=") && !line.includes(",static,")),
    [],
  );
});

test("hosts of a proxied subnet get an address here, and their boot files from Everboot", () => {
  const guest = linesOf(siteOf(EDGES)).find((line) => line.includes("set:host-guest"));
  assert.equal(guest, "dhcp-host=52:54:00:00:00:15,set:host-guest,10.3.0.15");
});
