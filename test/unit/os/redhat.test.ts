import assert from "node:assert/strict";
import { test } from "node:test";
import { redhat } from "../../../src/os/redhat.ts";
import { assertGolden } from "../../support/golden.ts";
import { sections, smallInput } from "./redhat-cases.ts";

const BOND = "bond: {mode: 802.3ad, miimon: 100, lacp_rate: fast, mtu: 9000}";
const ROOT = `root: {password: "$6$salt$hash", ssh_keys: ["ssh-ed25519 AAAA root@example"]}`;

const CASES = {
  "rhel7-plain": smallInput({ release: "7.9", profile: `, ${ROOT}, ntp: [ntp.example], minimal: true` }),
  "rocky9-lacp": smallInput({
    release: "9.6",
    servers: 2,
    profile: `, ${ROOT}, ntp: [192.168.77.1, ntp.example], kernel: kernel-64k, recommends: false,
      users: [{name: ada, full_name: Ada O'Neill, sudo: true}],
      disk: {layout: lvm, device: /dev/disk/by-id/ata-1}, packages: [vim], early: ["modprobe x"], late: ["echo %end\\n%end"],
      kernel_arguments: ["console=ttyS0,115200"], installed_kernel_arguments: [quiet, "note=two words"],
      mirrors: ["http://mirror.example/9/$basearch/"], answers: ["selinux --permissive"]`,
    host: `, network: dhcp, ${BOND}`,
  }),
  "fedora42-raid1-vlan": smallInput({
    release: "42",
    servers: 2,
    profile: ", disk: {layout: raid1}",
    host: ', bond: {mode: active-backup, primary: "52:54:00:00:00:02", vlan: 100}',
  }),
} as const;

for (const [name, input] of Object.entries(CASES)) {
  test(`${name}: what the installer gets, byte by byte`, () => {
    const { answer, kernelArguments, overlay } = redhat.render(input);
    assertGolden(`os/redhat/${name}/ks.cfg`, answer.text);
    assertGolden(`os/redhat/${name}/kernel-arguments.txt`, `${kernelArguments.join("\n")}\n`);
    assert.deepEqual(overlay, [{ path: "ks.cfg", mode: 0o600, content: answer.text }]);
  });
}

const argumentsOf = (input: Parameters<typeof redhat.render>[0]) => redhat.render(input).kernelArguments;
const valuesOf = (input: Parameters<typeof redhat.render>[0], name: string) =>
  argumentsOf(input)
    .filter((argument) => argument.startsWith(`${name}=`))
    .map((argument) => argument.slice(name.length + 1));

test("stage 2 is tried from every server in turn, three times, the host's own first", () => {
  const [one, two] = ["http://192.168.77.11/trees/tree", "http://192.168.77.2:8080/trees/tree"];
  const input = smallInput({ release: "8", servers: 2 });
  assert.deepEqual(valuesOf(input, "inst.stage2"), [one, two, one, two, one, two]);
  assert.ok(argumentsOf(input).includes("inst.stage2.all"));
});

test("RHEL 7, which may take the last URL alone, gets the first server's as the last", () => {
  const input = smallInput({ release: "7.4", servers: 2 });
  assert.equal(valuesOf(input, "inst.stage2").at(-1), "http://192.168.77.11/trees/tree");
  assert.ok(!argumentsOf(input).includes("inst.stage2.all"));
});

test("a bond is up in the installer, with its members' names, in every mode", () => {
  for (const mode of [0, 1, 2, 3, 4, 5, 6]) {
    const input = smallInput({ release: "9", host: `, bond: {mode: ${mode}}` });
    assert.match(valuesOf(input, "bond").join(), /^bond0:nic0,nic1:mode=/);
    assert.match(valuesOf(input, "ip").join(), /:bond0:none/);
    assert.deepEqual(valuesOf(input, "BOOTIF"), []);
  }
});

test("further VLANs are not for the installer, which keeps the host's own router", () => {
  const host = ", bond: {mode: 1, vlans: [{id: 200, address: 10.21.0.7/24, router: 10.21.0.1}]}";
  const input = smallInput({ release: "9", host });
  assert.deepEqual(valuesOf(input, "vlan"), []);
  assert.match(valuesOf(input, "ip").join(), /^192\.168\.77\.101::192\.168\.77\.1:/);
});

test("the installer goes over the NIC that booted when the bond is tagged, or does not have that NIC", () => {
  const tagged = smallInput({ release: "9", host: ", bond: {mode: 1, vlan: 100}" });
  const outside = smallInput({ release: "9", host: ", bond: {mode: 0}" });
  const third = "52:54:00:00:00:03" as typeof outside.mac;
  for (const input of [tagged, { ...outside, mac: third }]) {
    assert.deepEqual(valuesOf(input, "bond"), []);
    assert.deepEqual(valuesOf(input, "BOOTIF"), [`01-${input.mac.replaceAll(":", "-")}`]);
    assert.deepEqual(valuesOf(input, "ip"), ["dhcp"]);
  }
});

test("several servers are a list of mirrors for each repository from RHEL 8 on, with no server in the command", () => {
  const lists = (release: string, servers: 1 | 2) =>
    redhat
      .render(smallInput({ release, servers }))
      .answer.text.split("\n")
      .filter((line) => /^(url|repo) /.test(line));
  const base = "url --mirrorlist=file:///tmp/everboot/";
  assert.deepEqual(lists("8", 2), [
    `${base}BaseOS.mirrors`,
    "repo --name=AppStream --mirrorlist=file:///tmp/everboot/AppStream.mirrors",
  ]);
  assert.deepEqual(lists("42", 2), [`${base}fedora.mirrors`]);
  const direct = ["url --url=http://192.168.77.11/trees/tree"];
  for (const [release, servers] of [
    ["8", 1],
    ["42", 1],
    ["7", 2],
  ] as const)
    assert.deepEqual(lists(release, servers), direct);
});

test("network files are those that the release reads", () => {
  const files = (release: string) => {
    const { text } = redhat.render(smallInput({ release, host: `, ${BOND}` })).answer;
    return sections(text, /^%(pre-install|post)/).join("\n");
  };
  for (const release of ["7", "8", "20"]) {
    assert.match(files(release), /^cat >\/etc\/sysconfig\/network-scripts\/ifcfg-bond0 /m);
    assert.doesNotMatch(files(release), /\.(nmconnection|link) /);
  }
  for (const release of ["9", "10", "34", "42"]) {
    assert.match(files(release), /^cat >\/etc\/NetworkManager\/system-connections\/bond0\.nmconnection /m);
    assert.match(files(release), /^cat >\/mnt\/sysimage\/etc\/systemd\/network\/\S+nic1\.link /m);
  }
});

test("what this family cannot do is told with what to do", () => {
  const problems = (release: string, more: Partial<Parameters<typeof smallInput>[0]> = {}) =>
    redhat.problems(smallInput({ release, ...more }).host);
  for (const release of ["7", "7.9", "8", "9.6", "10.1", "20", "42"]) assert.deepEqual(problems(release), []);
  for (const release of ["6", "6.10", "11", "19", "bookworm", "stream9"]) {
    assert.match(problems(release).join(), /^tree tree: no release of this family .*write 7, 8, 9 or 10/);
  }
  assert.deepEqual(problems("9", { profile: ", via: nfs" }), []);
  assert.match(problems("9", { tree: ", keyring: /k.gpg" }).join(), /^tree tree: `keyring`/);
});

test("kernel and initrd are where Anaconda's media have them", () => {
  const { tree } = smallInput({ release: "9" });
  assert.deepEqual(redhat.bootFiles(tree), [{ kernel: "images/pxeboot/vmlinuz", initrd: "images/pxeboot/initrd.img" }]);
});
