import assert from "node:assert/strict";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { iscDhcp } from "../../../src/export/isc-dhcp.ts";
import type { Site } from "../../../src/site/model.ts";
import { packagedJudge, runJudge, type Verdict } from "../../support/judges.ts";
import { exampleSite, siteOf } from "../../support/sites.ts";
import { assertGoldenExport, EDGES, FIXTURES, inFolder, SITES, textsOf } from "./export-cases.ts";

const dhcpd = packagedJudge("isc-dhcp-server", "usr/sbin/dhcpd");

function judge(folder: string): Verdict {
  writeFileSync(join(folder, "leases"), "");
  return runJudge(dhcpd.path, ["-t", "-4", "-cf", join(folder, "dhcpd.conf"), "-lf", join(folder, "leases")]);
}

function judgeSite(site: Site): Verdict {
  return inFolder(textsOf(iscDhcp, site), judge, (text, folder) => text.replace("/etc/dhcp/", `${folder}/`));
}

for (const [name, site] of SITES) {
  test(`dhcpd accepts what is made from the site ${name}`, { skip: dhcpd.obstacle }, () => {
    const { code, output } = judgeSite(site);
    assert.equal(code, 0, output);
  });
}

test("dhcpd refuses the bad twin", { skip: dhcpd.obstacle }, () => {
  inFolder(new Map(), (folder) => {
    copyFileSync(join(FIXTURES, "dhcpd-bad.conf"), join(folder, "dhcpd.conf"));
    const { code, output } = judge(folder);
    assert.equal(code, 1);
    assert.match(output, /not on net|bad range/);
  });
});

test("the files of the smallest site", () => assertGoldenExport(iscDhcp, "single"));

test("the files of a site with all kinds of subnet and loader", () => assertGoldenExport(iscDhcp, "edges"));

test("each NIC of a host is an entry with the host's one address and name", () => {
  const hosts = textsOf(iscDhcp, exampleSite("pair")).get("hosts.inc") ?? "";
  const entries = hosts.split("\n").filter((line) => line.includes("192.168.0.159"));
  const ending = 'fixed-address 192.168.0.159; option host-name "fileserver"; }';
  assert.deepEqual(entries, [
    `  host fileserver { hardware ethernet 00:1a:64:98:a3:a6; ${ending}`,
    `  host fileserver_nic2 { hardware ethernet 00:1a:64:98:a3:a7; ${ending}`,
  ]);
});

test("a subnet whose DHCP is off here is the other server's, as if it were ours", () => {
  const off = textsOf(
    iscDhcp,
    exampleSite("single", (text) => text.replace("dhcp: authoritative", "dhcp: off")),
  );
  assert.deepEqual(off, textsOf(iscDhcp, exampleSite("single")));
});

test("only a server that lends to strangers is authoritative and has pools", () => {
  const texts = [siteOf(EDGES), siteOf(EDGES.replace("unknown: plain", "unknown: ignore"))].map(
    (site) => textsOf(iscDhcp, site).get("dhcpd.conf") ?? "",
  );
  assert.deepEqual(
    texts.map((text) => [/^authoritative;/m.test(text), text.match(/^ {4}range .*;/gm) ?? []]),
    [
      [
        true,
        [
          "    range 192.168.77.100 192.168.77.119;",
          "    range 192.168.77.121 192.168.77.150;",
          "    range 10.2.9.1 10.2.9.9;",
          "    range 10.3.0.100 10.3.0.126;",
        ],
      ],
      [false, []],
    ],
  );
});
