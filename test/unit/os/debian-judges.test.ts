/** Foreign judges of what the family writes, for every kind of bond, address and disk layout, and every release. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { debian } from "../../../src/os/debian.ts";
import type { Rendered } from "../../../src/os/family.ts";
import type { Host } from "../../../src/site/model.ts";
import { matrixSite } from "../../support/bond-matrix.ts";
import { installedJudge, judgePreseed, runJudge } from "../../support/judges.ts";
import { serverUrls } from "../../support/server-urls.ts";
import { overlayText } from "./debian-cases.ts";

const BAD = join(dirname(fileURLToPath(import.meta.url)), "../../fixtures/judges");

const debconf = installedJudge("debconf-set-selections");
const ifquery = installedJudge("ifquery");
const dash = installedJudge("dash");

interface Case {
  readonly host: Host;
  readonly rendered: Rendered;
}

function renderAll(release: string): readonly Case[] {
  const site = matrixSite({ family: "debian", release });
  return [...site.hosts.values()].map((host) => {
    const [mac] = host.nics;
    const { profile } = host;
    const servers = serverUrls(site, host);
    return { host, rendered: debian.render({ site, host, profile, tree: profile.tree, mac, servers }) };
  });
}

function scratchFile(t: TestContext): (text: string) => string {
  const folder = mkdtempSync(join(tmpdir(), "everboot-debian-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return (text) => {
    writeFileSync(join(folder, "file"), text);
    return join(folder, "file");
  };
}

/** Exit code 0 and not a word: debconf only warns of a type that it does not know. */
const ACCEPTED = { code: 0, output: "" };

for (const release of ["bullseye", "bookworm", "trixie"]) {
  const cases = renderAll(release);

  test(`${release}: debconf takes the answers of ${cases.length} hosts`, { skip: debconf.obstacle }, () => {
    assert.ok(cases.length >= 40);
    for (const { host, rendered } of cases) {
      assert.deepEqual(judgePreseed(debconf, rendered.answer.text), ACCEPTED, host.name);
    }
  });

  test(`${release}: dash can parse every script`, { skip: dash.obstacle }, (t) => {
    const file = scratchFile(t);
    const scripts = cases.flatMap(({ rendered }) => rendered.overlay.map(({ content }) => String(content)));
    const distinct = new Set(scripts.filter((text) => text.startsWith("#!/bin/sh\n")));
    assert.ok(distinct.size > 10);
    for (const script of distinct) assert.deepEqual(runJudge(dash.path, ["-n", file(script)]), ACCEPTED, script);
  });
}

test("ifquery reads the network of every host, NICs named", { skip: ifquery.obstacle }, (t) => {
  const file = scratchFile(t);
  for (const { host, rendered } of renderAll("bookworm")) {
    const template = overlayText(rendered, "everboot/target/etc/network/interfaces");
    const text = host.nics.reduce((named, mac, index) => named.replaceAll(`@${mac}@`, `enp0s${index + 3}`), template);
    assert.doesNotMatch(text, /@/);
    const path = file(text);
    const listed = runJudge(ifquery.path, ["-i", path, "--list", "-a"]);
    const devices = [...text.matchAll(/^auto (\S+)$/gm)].map(([, name]) => `${name}\n`);
    assert.deepEqual(listed, { code: 0, output: devices.join("") }, host.name);
    const device = host.bond ? host.bond.device : "enp0s3";
    const read = runJudge(ifquery.path, ["-i", path, device]);
    assert.equal(read.code, 0, host.name);
    if (host.bond) assert.match(read.output, new RegExp(`^bond-mode: ${host.bond.mode}$`, "m"));
  }
});

test("the judge refuses what is not a preseed file", { skip: debconf.obstacle }, () => {
  assert.notEqual(judgePreseed(debconf, readFileSync(join(BAD, "preseed-bad.cfg"), "utf8")).code, 0);
  const unknownType = judgePreseed(debconf, readFileSync(join(BAD, "preseed-bad-type.cfg"), "utf8"));
  assert.match(unknownType.output, /warning/);
});
