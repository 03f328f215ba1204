import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { agama } from "../../../src/os/agama.ts";
import type { DetectedTree } from "../../../src/os/family.ts";
import { matrixSite } from "../../support/bond-matrix.ts";
import { assertGolden } from "../../support/golden.ts";
import { outsideJudge, packagedJudge, runJudge } from "../../support/judges.ts";
import { FIXTURES, inputOf, listing, overlayText, type Small, smallInput, treeFiles } from "./suse-cases.ts";

const small = (given: Omit<Small, "family" | "release">) => smallInput({ family: "agama", release: "16.0", ...given });

const CASES: Readonly<Record<string, ReturnType<typeof small>>> = {
  bond: small({
    profile: [
      "disk: {layout: raid1}",
      'root: {password: "$6$salt$hash", ssh_keys: ["ssh-ed25519 AAAA root"]}',
      "ntp: [192.168.77.1]",
    ],
    host: ["bond: {mode: 802.3ad, lacp_rate: fast, vlans: [{id: 200, address: 10.0.0.7/24}]}"],
  }),
  vlan: small({
    profile: [
      "disk: {layout: lvm, device: /dev/nvme0n1, keep: [{partition: 3, mount: /srv}]}",
      "users: [{name: ada, sudo: true, ssh_keys: [k1]}]",
      "packages: [tmux]",
      "early: ['echo early']",
      "late: ['echo late']",
      "installed_kernel_arguments: [quiet]",
      'mirrors: ["http://mirror.example/x"]',
    ],
    host: ["bond: {mode: active-backup, vlan: 100}"],
  }),
};

for (const [name, input] of Object.entries(CASES)) {
  test(`${name}: what the installer gets, byte by byte`, () => {
    const { kernelArguments, answer, overlay } = agama.render(input);
    assertGolden(`os/agama/${name}/kernel-arguments.txt`, `${kernelArguments.join("\n")}\n`);
    assertGolden(`os/agama/${name}/autoinst.json`, answer.text);
    const others = overlay.filter(({ path }) => path !== "everboot/autoinst.json" && !path.endsWith("/first-boot"));
    assertGolden(`os/agama/${name}/overlay.txt`, listing(others));
  });
}

const schema = outsideJudge("agama/profile.schema.json");
const noValidator =
  spawnSync("python3", ["-c", "import jsonschema, yaml"]).status === 0
    ? undefined
    : "needs python3-jsonschema and python3-yaml";
const skip = schema.obstacle ?? noValidator;
const VALIDATOR = fileURLToPath(new URL("../../support/validate-json.py", import.meta.url));
const judge = (files: readonly string[]) => runJudge("python3", [VALIDATOR, schema.path, ...files]);

function renderAll() {
  const site = matrixSite({ family: "agama", release: "16.0" });
  return [...site.hosts.values()].map((host) => ({ host, rendered: agama.render(inputOf(site, host)) }));
}

test("Agama's schema takes every host's profile", { skip }, (t) => {
  const place = mkdtempSync(join(tmpdir(), "everboot-agama-"));
  t.after(() => rmSync(place, { recursive: true }));
  const files = renderAll().map(({ host, rendered }) => {
    const path = join(place, `${host.name}.json`);
    writeFileSync(path, rendered.answer.text);
    return path;
  });
  assert.ok(files.length >= 40);
  assert.deepEqual(judge(files), { code: 0, output: "" });
});

test("Agama's schema refuses a bad profile, in the file itself and in one that it refers to", { skip }, () => {
  const { code, output } = judge([join(FIXTURES, "judges/agama-bad.json")]);
  assert.equal(code, 1);
  assert.match(output, /network\/connections\/0\/bond\/mode: 'active-bakup'/);
  assert.match(output, /storage\/drives\/0: /);
});

const initrd = packagedJudge("network-manager", "usr/lib/NetworkManager/nm-initrd-generator");
const library = packagedJudge("libnm0", "usr/lib/x86_64-linux-gnu");

test("NetworkManager's initrd makes the connections that the profile has, and no more", {
  skip: initrd.obstacle ?? library.obstacle,
}, (t) => {
  const place = mkdtempSync(join(tmpdir(), "everboot-agama-"));
  t.after(() => rmSync(place, { recursive: true }));
  const folders = ["-c", "-i", "-r"].flatMap((option) => [option, join(place, option)]);
  for (const { host, rendered } of renderAll()) {
    const { code, output } = runJudge(initrd.path, ["-s", ...folders, "--", ...rendered.kernelArguments], {
      env: { LD_LIBRARY_PATH: library.path },
    });
    assert.equal(code, 0, output);
    const made = [...output.matchAll(/^id=(.*)$/gm)].map(([, id = ""]) => id).toSorted();
    const { network } = JSON.parse(rendered.answer.text);
    const wanted: string[] = network?.connections.map(({ id }: { id: string }) => id) ?? ["nic0"];
    const untagged = wanted.filter((id) => !id.includes(".")).toSorted();
    assert.deepEqual(made, untagged, host.name);
  }
});

test("a bond is up in the installer where ports work without the switch's help, or with LACP; not below a tag", () => {
  const bonded = (bond: string) =>
    agama.render(small({ host: [`bond: ${bond}`] })).kernelArguments.some((argument) => argument.startsWith("bond="));
  for (const mode of ["active-backup", "802.3ad", "balance-tlb", "balance-alb"]) {
    assert.equal(bonded(`{mode: ${mode}}`), true, mode);
    assert.equal(bonded(`{mode: ${mode}, vlan: 7}`), false, mode);
  }
  for (const mode of ["balance-rr", "balance-xor", "broadcast"]) assert.equal(bonded(`{mode: ${mode}}`), false, mode);
});

test("a bond that the installer does not use comes by NetworkManager's files, with the names of its ports", () => {
  const rendered = agama.render(CASES.vlan ?? small({}));
  assert.equal("network" in JSON.parse(rendered.answer.text), false);
  assert.ok(rendered.kernelArguments.includes("inst.copy_network=0"));
  const keyfile = overlayText(rendered, "everboot/target/etc/NetworkManager/system-connections/bond0.nmconnection");
  assert.match(keyfile, /^mode=active-backup$/m);
});

const tree = (release: string, product: string, arch = "amd64"): DetectedTree => ({ release, arch, product });
const TREES: Readonly<Record<string, DetectedTree | undefined>> = {
  "leap-16.0-arm64": tree("16.0", "openSUSE Leap 16.0", "arm64"),
  "not-fedora-live": undefined,
  "sles-16": tree("16.0", "SUSE Linux Enterprise Server 16.0"),
  "sles-16.1": tree("16.1", "SUSE Linux Enterprise Server 16.1"),
};

test("every fixture is expected to be something", () => {
  const names = readdirSync(join(FIXTURES, "trees/agama")).map((name) => name.replace(/\.txt$/, ""));
  assert.deepEqual(names.toSorted(), Object.keys(TREES));
});

for (const [name, expected] of Object.entries(TREES)) {
  test(`${name}: ${expected?.product ?? "no tree of this family"}`, () => {
    assert.deepEqual(agama.detect(treeFiles(`agama/${name}.txt`)), expected);
  });
}

test("a tree of AutoYaST is none of Agama", () => {
  assert.equal(agama.detect(treeFiles("suse/leap-15.6.txt")), undefined);
});

test("answers are merged into the profile: objects key by key, all else in place of ours", () => {
  const profile = [
    "packages: [tmux]",
    `answers: ['{"software": {"onlyRequired": true}}', '{"software": {"packages": ["vim"]}, "proxy": {"enabled": false}}']`,
  ];
  const merged = JSON.parse(agama.render(small({ profile })).answer.text);
  assert.deepEqual(merged.software, { packages: ["vim"], onlyRequired: true });
  assert.deepEqual(merged.proxy, { enabled: false });
  assert.equal(merged.hostname.static, "vm1");
});

test("what Agama has no word for is said, with what to do", () => {
  assert.deepEqual(agama.problems(small({}).host), []);
  const profile = ["via: nfs", "language: C", "answers: ['[]']"];
  const found = agama.problems(smallInput({ family: "agama", release: "15.6", profile }).host);
  assert.equal(found.length, 4);
  for (const problem of found) assert.match(problem, /^(profile p|tree tree): .+: .+/);
});
