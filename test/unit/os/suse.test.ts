import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { DetectedTree } from "../../../src/os/family.ts";
import { suse } from "../../../src/os/suse.ts";
import { matrixSite } from "../../support/bond-matrix.ts";
import { assertGolden } from "../../support/golden.ts";
import { installedJudge, outsideJudge, runJudge } from "../../support/judges.ts";
import { FIXTURES, inputOf, type Small, smallInput, treeFiles } from "./suse-cases.ts";

const small = (given: Omit<Small, "family">) => smallInput({ family: "suse", ...given });

const CASES: Readonly<Record<string, ReturnType<typeof small>>> = {
  "sles-15-vlan": small({
    release: "15.6",
    profile: [
      "disk: {layout: lvm, keep: [{partition: 3, mount: /srv}]}",
      'root: {password: "$6$salt$hash", ssh_keys: ["ssh-ed25519 AAAA root"]}',
      "ntp: [192.168.77.1]",
      "packages: [tmux]",
      "late: ['echo late']",
      "installed_kernel_arguments: [quiet]",
    ],
    host: ["bond: {mode: active-backup, primary: '52:54:00:00:00:02', vlan: 100, mtu: 9000}"],
  }),
  "sles-12-lacp": small({
    release: "12.5",
    profile: [
      "disk: {layout: raid1, device: [/dev/sda, /dev/sdb]}",
      "users: [{name: ada, full_name: Ada <ada@lab.example>, sudo: true}]",
      "ntp: [192.168.77.1]",
    ],
    host: ["bond: {mode: 802.3ad, lacp_rate: fast, vlans: [{id: 200}]}", "network: dhcp"],
  }),
  "sles-10": small({ release: "10.4", profile: ["minimal: true", "recommends: false"] }),
};

for (const [name, input] of Object.entries(CASES)) {
  test(`${name}: what the installer gets, byte by byte`, () => {
    const { kernelArguments, answer, overlay } = suse.render(input);
    assertGolden(`os/suse/${name}/kernel-arguments.txt`, `${kernelArguments.join("\n")}\n`);
    assertGolden(`os/suse/${name}/autoinst.xml`, answer.text);
    assert.deepEqual(overlay, [{ path: "autoinst.xml", mode: 0o600, content: answer.text }]);
  });
}

const xmllint = installedJudge("xmllint");
const grammar = outsideJudge("autoyast/rng/profile-lite.rng");
const judge = (files: readonly string[]) => runJudge(xmllint.path, ["--noout", "--relaxng", grammar.path, ...files]);

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "everboot-suse-"));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

for (const release of ["10.4", "11.4", "12.5", "15.6"]) {
  test(`AutoYaST's grammar takes every host's profile for ${release}`, {
    skip: xmllint.obstacle ?? grammar.obstacle,
  }, (t) => {
    const place = folder(t);
    const site = matrixSite({ family: "suse", release });
    const files = [...site.hosts.values()].map((host) => {
      const path = join(place, `${host.name}.xml`);
      writeFileSync(path, suse.render(inputOf(site, host)).answer.text);
      return path;
    });
    assert.ok(files.length >= 40);
    const { code, output } = judge(files);
    assert.equal(code, 0, output);
  });
}

test("AutoYaST's grammar refuses a bad profile, for its one bad word", {
  skip: xmllint.obstacle ?? grammar.obstacle,
}, (t) => {
  const bad = join(FIXTURES, "judges/ay-bad.xml");
  const { code, output } = judge([bad]);
  assert.equal(code, 3, output);
  assert.match(output, /element networking/);
  const good = join(folder(t), "good.xml");
  writeFileSync(good, readFileSync(bad, "utf8").replaceAll("bonding_slavex", "bonding_slave0"));
  assert.equal(judge([good]).code, 0);
});

const tree = (release: string, product: string, arch = "amd64"): DetectedTree => ({ release, arch, product });
const TREES: Readonly<Record<string, DetectedTree | undefined>> = {
  "leap-15.6": tree("15.6", "openSUSE Leap 15.6"),
  "not-opensuse-13.2": undefined,
  "not-packages-alone": undefined,
  "sles-10.4-i386": tree("10.4", "SUSE Linux Enterprise Server 10 SP4", "i386"),
  "sles-11.4": tree("11.4", "SUSE Linux Enterprise Server 11 SP4"),
  "sles-12.5": tree("12.5", "SUSE Linux Enterprise Server 12 SP5"),
  "sles-15.3-online-arm64": tree("15.3", "SUSE Linux Enterprise Server 15 SP3", "arm64"),
  "sles-15.6-full": tree("15.6", "SUSE Linux Enterprise Server 15 SP6"),
};

test("every fixture is expected to be something", () => {
  const names = readdirSync(join(FIXTURES, "trees/suse")).map((name) => name.replace(/\.txt$/, ""));
  assert.deepEqual(names.toSorted(), Object.keys(TREES));
});

for (const [name, expected] of Object.entries(TREES)) {
  test(`${name}: ${expected?.product ?? "no tree of this family"}`, () => {
    const files = treeFiles(`suse/${name}.txt`);
    assert.deepEqual(suse.detect(files), expected);
    if (!expected) return;
    const { host } = small({ release: expected.release });
    const boot = suse.bootFiles({ ...host.profile.tree, arch: expected.arch });
    assert.ok(boot.some(({ kernel, initrd }) => files.has(kernel) && files.has(initrd)));
  });
}

test("a tree of Agama is none of AutoYaST", () => {
  assert.equal(suse.detect(treeFiles("agama/sles-16.1.txt")), undefined);
});

const problems = (given: Omit<Small, "family">) => suse.problems(small(given).host);

test("what a release has no word for is said, with what to do", () => {
  assert.deepEqual(problems({ release: "15.6", host: ["bond: {mode: 802.3ad, min_links: 1}"] }), []);
  assert.deepEqual(problems({ release: "11.4", host: ["bond: {mode: 802.3ad, min_links: 1, lacp_rate: fast}"] }), [
    "bond: release 11.4 has a kernel without `min_links: 1`: leave it out",
  ]);
  assert.deepEqual(problems({ release: "16.0" }), [
    "tree tree: release 16.0 has Agama in place of AutoYaST: write `family: agama`",
  ]);
  assert.deepEqual(problems({ release: "tumbleweed" }), [
    "tree tree: release tumbleweed is not known: write version and service pack as in 15.6, 10 to 15",
  ]);
});

test("what a profile asks and YaST does not have is said, all at once", () => {
  const profile = [
    "language: C.UTF-8",
    "keyboard: dvorak",
    'late: ["echo \\e[1m"]',
    "answers: [firewall]",
    'mirrors: ["http://mirror.example/x"]',
  ];
  const found = problems({ release: "10.4", profile });
  assert.equal(found.length, 5);
  for (const problem of found) assert.match(problem, /^profile p: .+: .+/);
});

test("more members than AutoYaST joins are too many", () => {
  const nics = Array.from({ length: 11 }, (_, index) => `"52:54:00:00:01:${index.toString().padStart(2, "0")}"`);
  const members = ["52:54:00:00:00:01", "52:54:00:00:00:02"];
  const { host } = small({ release: "15.6", host: [`bond: {members: ${JSON.stringify(members)}}`] });
  assert.deepEqual(suse.problems(host), []);
  const { bond } = host;
  assert.ok(bond);
  const many = nics.map((nic) => JSON.parse(nic));
  assert.match(suse.problems({ ...host, bond: { ...bond, members: many } })[0] ?? "", /10 NICs at most/);
});

test("a section of the profile's answers takes the place of ours", () => {
  const answers = ["answers: ['<firewall>\n  <enable_firewall/>\n</firewall>', '<users/>']"].map((line) =>
    line.replaceAll("\n", " "),
  );
  const { text } = suse.render(small({ release: "15.6", profile: answers })).answer;
  assert.match(text, /^<firewall> {3}<enable_firewall\/> <\/firewall>\n<users\/>\n<\/profile>$/m);
  assert.equal(text.match(/<users/g)?.length, 1);
});

test("nothing fetches the answer: it is in the initrd", () => {
  const { kernelArguments } = suse.render(small({ release: "15.6" }));
  assert.ok(kernelArguments.includes("autoyast=file:///autoinst.xml"));
});
