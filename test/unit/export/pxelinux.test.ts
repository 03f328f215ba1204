import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { pxelinux } from "../../../src/export/pxelinux.ts";
import { lastingView } from "../../../src/os/server-urls.ts";
import type { Site } from "../../../src/site/model.ts";
import { installedJudge, runJudge } from "../../support/judges.ts";
import { exampleSite, siteOf } from "../../support/sites.ts";
import { assertGoldenExport, EDGES, inFolder, SITES, textsOf } from "./export-cases.ts";

const grubCheck = installedJudge("grub-script-check");

function loadersOf(site: Site): string[] {
  const [server] = site.servers.values();
  assert.ok(server);
  return pxelinux.render(site, lastingView(server)).flatMap((file) => (file.kind === "loader" ? [file.path] : []));
}

test("the texts of the smallest tree", () => assertGoldenExport(pxelinux, "single"));

test("the texts of a tree for all loaders", () => assertGoldenExport(pxelinux, "edges"));

test("a configuration by each NIC and by the address, and one for strangers", () => {
  const paths = [...textsOf(pxelinux, exampleSite("pair")).keys()].filter((path) => path.startsWith("pxelinux.cfg/"));
  assert.deepEqual(paths, [
    "pxelinux.cfg/01-00-0c-29-6d-1c-f7",
    "pxelinux.cfg/C0A80080",
    "pxelinux.cfg/01-00-0c-29-6e-81-e8",
    "pxelinux.cfg/C0A80081",
    "pxelinux.cfg/01-00-1a-64-98-a3-a6",
    "pxelinux.cfg/01-00-1a-64-98-a3-a7",
    "pxelinux.cfg/C0A8009F",
    "pxelinux.cfg/default",
  ]);
});

test("no text of a tree installs: only the install server may say so", () => {
  for (const [name, site] of SITES) {
    for (const [path, text] of textsOf(pxelinux, site)) {
      assert.doesNotMatch(text, /debian-12|initrd=|preseed|ks=|\blinux\b/, `${name}: ${path}`);
    }
    assert.match(textsOf(pxelinux, site).get("pxelinux.cfg/default") ?? "", /^DEFAULT local$/m);
  }
});

test("the loaders of the site's hosts are in it, each once, and what they fetch by name", () => {
  assert.deepEqual(loadersOf(exampleSite("single")), [
    "ipxe.lkrn",
    "ldlinux.c32",
    "pxelinux.0",
    "snponly.efi",
    "undionly.kpxe",
  ]);
  const edges = loadersOf(siteOf(EDGES));
  assert.ok(["shimx64.efi", "grubx64.efi", "ipxe.efi"].every((name) => edges.includes(name)));
  assert.equal(new Set(edges).size, edges.length);
});

test("grub-script-check accepts grub.cfg, and not a broken one", { skip: grubCheck.obstacle }, () => {
  const text = textsOf(pxelinux, siteOf(EDGES)).get("grub/grub.cfg") ?? "";
  const check = (grub: string) =>
    inFolder(new Map([["grub.cfg", grub]]), (folder) => runJudge(grubCheck.path, [join(folder, "grub.cfg")]));
  assert.equal(check(text).code, 0, check(text).output);
  assert.notEqual(check(text.replace("done", "")).code, 0);
});
