import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { kea } from "../../../src/export/kea.ts";
import type { Site } from "../../../src/site/model.ts";
import { packagedJudge, runJudge, type Verdict } from "../../support/judges.ts";
import { exampleSite, siteOf } from "../../support/sites.ts";
import { assertGoldenExport, EDGES, FIXTURES, inFolder, SITES, textsOf } from "./export-cases.ts";

const keaDhcp4 = packagedJudge("kea-dhcp4-server", "usr/sbin/kea-dhcp4");

/** Its lock file is for several processes that write one log. */
function judge(file: string): Verdict {
  return runJudge(keaDhcp4.path, ["-t", file], { env: { KEA_LOCKFILE_DIR: "none" } });
}

function configOf(site: Site) {
  return JSON.parse(textsOf(kea, site).get("kea-dhcp4.conf") ?? "").Dhcp4;
}

for (const [name, site] of SITES) {
  test(`kea-dhcp4 accepts what is made from the site ${name}`, { skip: keaDhcp4.obstacle }, () => {
    const { code, output } = inFolder(textsOf(kea, site), (folder) => judge(join(folder, "kea-dhcp4.conf")));
    assert.equal(code, 0, output);
    assert.doesNotMatch(output, /WARN|ERROR/);
  });
}

test("kea-dhcp4 refuses the bad twin", { skip: keaDhcp4.obstacle }, () => {
  const { code, output } = judge(join(FIXTURES, "kea-bad.json"));
  assert.notEqual(code, 0);
  assert.match(output, /expression: \[substring\(option\[60\]/);
});

test("the file of the smallest site", () => assertGoldenExport(kea, "single"));

test("the file of a site with all kinds of subnet and loader", () => assertGoldenExport(kea, "edges"));

test("each NIC of a host has a reservation of the host's one address", () => {
  const { subnet4 } = configOf(exampleSite("pair"));
  const reserved: Array<Record<string, unknown>> = subnet4[0].reservations;
  assert.deepEqual(
    reserved.filter((each) => each["ip-address"] === "192.168.0.159").map((each) => each["hw-address"]),
    ["00:1a:64:98:a3:a6", "00:1a:64:98:a3:a7"],
  );
});

test("strangers are dropped unless the site lets them in", () => {
  const named = (site: Site) =>
    configOf(site)["client-classes"].filter(({ name }: { name: string }) => name === "DROP").length;
  assert.deepEqual([named(siteOf(EDGES)), named(siteOf(EDGES.replace("unknown: plain", "unknown: ignore")))], [0, 1]);
});

test("a pool is for strangers: hosts of other subnets are known beside it, without an address", () => {
  const [first] = configOf(siteOf(EDGES)).subnet4;
  const pools: Array<Record<string, unknown>> = first.pools;
  assert.deepEqual(
    pools.map((pool) => pool["client-class"]),
    ["UNKNOWN", "UNKNOWN"],
  );
  const reservations: Array<Record<string, unknown>> = first.reservations;
  assert.deepEqual(
    reservations.filter((each) => !Object.hasOwn(each, "ip-address")).map((each) => each["hw-address"]),
    ["52:54:00:00:00:13", "52:54:00:00:00:14", "52:54:00:00:00:15"],
  );
});
