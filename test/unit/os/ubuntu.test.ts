import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import type { TreeFiles } from "../../../src/os/family.ts";
import { ubuntu } from "../../../src/os/ubuntu.ts";
import { assertGolden } from "../../support/golden.ts";
import { CASES, type Case, hostOf, inputOf, listing, overlayText, renderCase } from "./ubuntu-cases.ts";

const TREES = join(dirname(fileURLToPath(import.meta.url)), "../../fixtures/trees/ubuntu");

const autoinstall = (given: Case) => parse(renderCase(given).answer.text).autoinstall;
const problems = (given: Case) => ubuntu.problems(hostOf(given).host);

for (const [name, given] of Object.entries(CASES)) {
  test(`golden files of the case ${name}`, () => {
    const { kernelArguments, answer, overlay } = renderCase(given);
    assertGolden(`os/ubuntu/${name}/kernel-arguments.txt`, kernelArguments.map((argument) => `${argument}\n`).join(""));
    assertGolden(`os/ubuntu/${name}/user-data`, answer.text);
    const others = overlay.filter((file) => file.path !== answer.name && !file.path.endsWith("/first-boot"));
    assertGolden(`os/ubuntu/${name}/overlay.txt`, listing(others));
  });
}

/** A listing: a path on each line, with the text of a small file behind a colon. */
function listed(name: string): TreeFiles {
  const lines = readFileSync(join(TREES, name), "utf8").trimEnd().split("\n");
  const files = new Map(lines.map((line) => [line.split(": ")[0] ?? "", line.split(": ").slice(1).join(": ")]));
  const below = (folder: string) => [...files.keys()].filter((path) => path.startsWith(`${folder}/`));
  return {
    has: (path) => files.has(path) || below(path).length > 0,
    names: (folder) => below(folder).map((path) => path.slice(folder.length + 1).split("/")[0] ?? ""),
    text: (path) => files.get(path),
  };
}

test("a live-server medium is recognized by its own words", () => {
  const detected = (name: string) => ubuntu.detect(listed(name));
  const amd64 = { arch: "amd64" };
  assert.deepEqual(detected("server-20.04.6-amd64.txt"), {
    ...{ release: "20.04", product: "Ubuntu Server 20.04.6 LTS" },
    ...amd64,
  });
  assert.deepEqual(detected("server-24.04.2-amd64.txt"), {
    ...{ release: "24.04", product: "Ubuntu Server 24.04.2 LTS" },
    ...amd64,
  });
  assert.deepEqual(detected("server-26.04-daily-amd64.txt"), {
    ...{ release: "26.04", product: "Ubuntu Server 26.04 LTS" },
    ...amd64,
  });
});

test("the desktop's medium and an empty folder are no trees", () => {
  assert.equal(ubuntu.detect(listed("desktop-24.04.1-amd64.txt")), undefined);
  assert.equal(ubuntu.detect({ has: () => false, names: () => [], text: () => undefined }), undefined);
});

test("kernel and initrd are where all media have them", () => {
  const files = listed("server-24.04.2-amd64.txt");
  for (const { kernel, initrd } of ubuntu.bootFiles(hostOf({}).host.profile.tree)) {
    assert.ok(files.has(kernel) && files.has(initrd), kernel);
  }
});

test("20.04 reads the network one level deeper, and takes the time zone from cloud-init", () => {
  const { network, timezone, "user-data": cloud } = autoinstall({ release: "20.04" });
  assert.equal(network.network.version, 2);
  assert.equal(timezone, undefined);
  assert.equal(cloud.timezone, "Etc/UTC");
  const later = autoinstall({ release: "22.04" });
  assert.equal(later.network.version, 2);
  assert.equal(later.timezone, "Etc/UTC");
  assert.equal(later["user-data"].timezone, undefined);
});

const MIRRORS = '\n    mirrors: ["http://a/ubuntu", "http://b/ubuntu", "deb http://x ./"]';

test("mirrors are walked again and again where the installer can, and none is lost where it cannot", () => {
  const walked = autoinstall({ release: "24.04", profile: MIRRORS }).apt;
  assert.deepEqual(walked["mirror-selection"].primary.slice(0, 3), [
    { uri: "http://a/ubuntu" },
    { uri: "http://b/ubuntu" },
    { uri: "http://a/ubuntu" },
  ]);
  assert.equal(walked.fallback, "abort");
  assert.deepEqual(walked.sources, { "everboot-1.list": { source: "deb http://x ./" } });
  const first = autoinstall({ release: "22.04", profile: MIRRORS }).apt;
  assert.deepEqual(first.primary, [{ arches: ["default"], uri: "http://a/ubuntu" }]);
  assert.deepEqual(first.sources, {
    "everboot-1.list": { source: "deb http://b/ubuntu $RELEASE main restricted universe multiverse" },
    "everboot-2.list": { source: "deb http://x ./" },
  });
});

test("without mirrors an installation does not need any", () => {
  assert.deepEqual(autoinstall({ release: "26.04" }).apt, { geoip: false, fallback: "offline-install" });
});

test("a fragment of the profile goes in between, key by key", () => {
  const given = {
    profile: '\n    answers: ["ssh: {allow-pw: false}", "apt: {fallback: abort}\\nsnaps: [{name: lxd}]"]',
  };
  const { ssh, apt, snaps, version } = autoinstall(given);
  assert.deepEqual(ssh, { "install-server": false, "allow-pw": false });
  assert.deepEqual(apt, { geoip: false, fallback: "abort" });
  assert.deepEqual(snaps, [{ name: "lxd" }]);
  assert.equal(version, 1);
});

test("the installer works over the NIC that booted, and the bond is there for the first start", () => {
  const given = { host: ", bond: {mode: 802.3ad, vlan: 100}" };
  assert.deepEqual(autoinstall(given).network.ethernets, {
    boot: { match: { macaddress: "52:54:00:00:00:01" }, dhcp4: true, "dhcp-identifier": "mac" },
  });
  const text = overlayText(renderCase(given), "everboot/target/etc/netplan/01-everboot.yaml");
  const { bonds, vlans } = parse(text).network;
  assert.equal(bonds.bond0.parameters.mode, "802.3ad");
  assert.equal(vlans["bond0.100"].id, 100);
});

test("the ISO is looked for on every server, in their order", () => {
  const script = overlayText(renderCase({}), "everboot/casper");
  assert.match(
    script,
    /for URL in 'http:\/\/192\.168\.77\.1\/trees\/ubuntu\/live\.iso' 'http:\/\/192\.168\.77\.2:8080\/trees\/ubuntu\/live\.iso'; do/,
  );
});

test("what the installer cannot do is told, each with what to do", () => {
  assert.deepEqual(problems({}), []);
  assert.match(problems({ release: "18.04" }).join(), /tree ubuntu: .* has no autoinstall: choose 20\.04 or later/);
  assert.match(problems({ release: "noble" }).join(), /tree ubuntu: noble is no release .* write it as in 24\.04/);
  assert.match(problems({ profile: "\n    via: nfs" }).join(), /profile tested: .* by HTTP only: set `via: http`/);
  assert.match(problems({ profile: "\n    disk: {keep: [{partition: 3, mount: /srv}]}" }).join(), /leave out `keep`/);
  assert.match(problems({ release: "20.04", profile: "\n    minimal: true" }).join(), /leave out `minimal`/);
  assert.deepEqual(problems({ release: "22.04", profile: "\n    minimal: true" }), []);
  assert.match(
    problems({ profile: '\n    answers: ["- a list", "a: ["]' }).join("\n"),
    /answers\[0\].*\n.*answers\[1\]/,
  );
  assert.match(
    problems({ host: ", bond: {mode: active-backup, num_grat_arp: 0}" }).join(),
    /host vm1: netplan cannot set num_grat_arp: 0: leave it out/,
  );
});

test("a keyring is for trees that others have signed", () => {
  const { host } = hostOf({});
  const tree = { ...host.profile.tree, keyring: "/etc/keyring.gpg" };
  assert.match(ubuntu.problems({ ...host, profile: { ...host.profile, tree } }).join(), /leave out `keyring`/);
});

test("a name that looks like a number stays a text for cloud-init", () => {
  const { site, host } = hostOf({});
  const { overlay } = ubuntu.render(inputOf({ site, host: { ...host, name: "0123" } }));
  const meta = overlay.find((file) => file.path === "meta-data");
  assert.equal(parse(String(meta?.content), { version: "1.1" })["local-hostname"], "0123");
});
