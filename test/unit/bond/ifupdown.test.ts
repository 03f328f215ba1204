import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Ipv4, Mac } from "../../../src/base/address.ts";
import { renderIfupdown } from "../../../src/bond/ifupdown.ts";
import { BOND_MODES, type NetworkPlan } from "../../../src/bond/model.ts";
import { hostNetwork } from "../../../src/os/network.ts";
import { matrixHosts } from "../../support/bond-matrix.ts";
import { installedJudge, packagedJudge, runJudge, type Verdict } from "../../support/judges.ts";

/** Root needs no user namespace, in which some mounts are refused. */
const OWN_MOUNTS = process.getuid?.() === 0 ? ["--mount"] : ["--map-root-user", "--mount"];

const FIXTURES = join(dirname(fileURLToPath(import.meta.url)), "../../fixtures/judges");
const FIRST = { name: "enp0s3", mac: "52:54:00:00:00:01" as Mac };
const SECOND = { name: "enp0s4", mac: "52:54:00:00:00:02" as Mac };
const FIXED = {
  kind: "static",
  address: "192.168.77.101" as Ipv4,
  prefix: 24,
  router: "192.168.77.1" as Ipv4,
  dns: ["192.168.77.1", "192.168.77.2"] as Ipv4[],
  domain: "lab.example",
} as const;
const HOSTS = matrixHosts({ family: "debian", release: "bookworm" });

function textOf(plan: Omit<NetworkPlan, "hostname">): string {
  const [file, ...others] = renderIfupdown({ hostname: "vm1", ...plan });
  assert.deepEqual([file?.path, file?.mode, others], ["/etc/network/interfaces", 0o644, []]);
  return file?.text ?? "";
}

test("a single NIC with everything a subnet can say; its name may stand for one that is put in later", () => {
  assert.equal(
    textOf({ nics: [FIRST], devices: [{ name: "@52:54:00:00:00:01@", addressing: FIXED, mtu: 9000 }] }),
    `auto lo
iface lo inet loopback

auto @52:54:00:00:00:01@
iface @52:54:00:00:00:01@ inet static
	address 192.168.77.101/24
	gateway 192.168.77.1
	dns-nameservers 192.168.77.1 192.168.77.2
	dns-search lab.example
	mtu 9000
`,
  );
});

test("a bond that carries VLANs alone", () => {
  const bond = {
    ...{ name: "bond0", members: [FIRST, SECOND], mac: SECOND.mac },
    ...({ mode: "802.3ad", miimon: 100, lacp_rate: "fast", xmit_hash_policy: "layer3+4", min_links: 1 } as const),
  };
  const devices = [
    { name: "bond0", addressing: { kind: "none" }, mtu: 9000 },
    { name: "bond0.100", vlan: { id: 100, parent: "bond0" }, addressing: { kind: "dhcp" }, mtu: 1400 },
  ] as const;
  assert.equal(
    textOf({ nics: bond.members, bond, devices }),
    `auto lo
iface lo inet loopback

auto bond0
iface bond0 inet manual
	bond-slaves enp0s4 enp0s3
	bond-mode 802.3ad
	bond-miimon 100
	bond-lacp-rate fast
	bond-xmit-hash-policy layer3+4
	post-up echo 1 > /sys/class/net/$IFACE/bonding/min_links
	hwaddress 52:54:00:00:00:02
	mtu 9000

auto bond0.100
iface bond0.100 inet dhcp
	vlan-raw-device bond0
	post-up ip link set dev $IFACE mtu 1400
`,
  );
});

const ifenslave = packagedJudge("ifenslave", "etc/network/if-pre-up.d/ifenslave");

test("every bond option of the matrix is one that ifenslave's own script uses", { skip: ifenslave.obstacle }, () => {
  const script = readFileSync(ifenslave.path, "utf8");
  const texts = HOSTS.map((host) => textOf(hostNetwork(host, host.nics[0])));
  const names = new Set(texts.flatMap((text) => [...text.matchAll(/^\t(bond-\S+)/gm)].map(([, name = ""]) => name)));
  assert.equal(names.size, 15, "the matrix has all that the model has");
  for (const name of names) {
    assert.match(script, new RegExp(`\\$IF_${name.replaceAll("-", "_").toUpperCase()}\\b`));
  }
});

const ifup = installedJudge("ifup");

test("ifupdown takes the interfaces of all hosts of the matrix", { skip: ifup.obstacle }, (t) => {
  for (const host of HOSTS) {
    const plan = hostNetwork(host, host.nics[0]);
    const file = inFolder(t, textOf(plan));
    const listed = runJudge("ifquery", ["-i", file, "--list", "-a"]);
    assert.deepEqual(listed, { code: 0, output: ["lo", ...plan.devices.map(({ name }) => name), ""].join("\n") });
    const started = startedOnPaper(file);
    assert.equal(started.code, 0, started.output);
    for (const effect of effects(plan)) assert.ok(started.output.includes(effect), `${effect} in ${started.output}`);
  }
});

/** Parts of the commands that bring the plan up. */
function effects({ bond, devices }: NetworkPlan): string[] {
  return [
    ...(bond?.mac ? [`address ${bond.mac}`] : []),
    ...devices.flatMap(({ name, vlan, addressing }) => [
      ...(vlan ? [`ip link add link ${vlan.parent} name ${name} type vlan id ${vlan.id};`] : []),
      ...(addressing.kind === "static" ? [`ip addr add ${addressing.address}/`] : []),
      ...(addressing.kind === "dhcp" ? [`/var/lib/dhcp/dhclient6.${name}.leases ${name} `] : []),
      ...(addressing.kind === "none" ? [`ip link set dev ${name} up`] : []),
    ]),
  ];
}

test("ifupdown refuses an unknown method and a fixed address without an address", { skip: ifup.obstacle }, () => {
  const method = runJudge("ifquery", ["-i", join(FIXTURES, "interfaces-bad-method"), "--list", "-a"]);
  assert.equal(method.code, 1);
  assert.match(method.output, /:2: unknown or no method/);
  const address = startedOnPaper(join(FIXTURES, "interfaces-bad-address"));
  assert.equal(address.code, 1);
  assert.match(address.output, /missing required variable: address/);
});

const ifupdown2 = packagedJudge("ifupdown2", "usr/share/ifupdown2/__main__.py");
const obstacle = ifupdown2.obstacle ?? mountObstacle();

for (const mode of BOND_MODES) {
  test(`ifupdown2 takes the bonds of mode ${mode}`, { skip: obstacle }, (t) => {
    const hosts = HOSTS.filter(({ bond }) => bond?.mode === mode);
    const host = hosts.find(({ bond }) => bond?.vlan !== undefined);
    assert.ok(host, "the matrix has a VLAN with each mode");
    const verdict = reloadedOnPaper(t, inFolder(t, textOf(hostNetwork(host, host.nics[0]))));
    assert.equal(verdict.code, 0, verdict.output);
    const complaints = verdict.output
      .split("\n")
      .filter((line) => !/^$|^warning: \S+: interface not recognized/.test(line));
    assert.deepEqual(complaints, []);
  });
}

test("ifupdown2 refuses a misspelt mode", { skip: obstacle }, (t) => {
  const verdict = reloadedOnPaper(t, join(FIXTURES, "interfaces-bad-bond"));
  assert.equal(verdict.code, 1);
  assert.match(verdict.output, /bond-mode: invalid value "active-backpu"/);
});

function startedOnPaper(file: string): Verdict {
  return runJudge("ifup", ["-i", file, "--no-act", "--force", "--no-scripts", "-a"]);
}

/** It reads /etc/network alone: a mount of its own puts `file` there, with the settings of its package. */
function reloadedOnPaper(t: TestContext, file: string): Verdict {
  const root = ifupdown2.path.slice(0, -"/usr/share/ifupdown2/__main__.py".length);
  const folder = dirname(inFolder(t, ""));
  const network = join(folder, "network");
  mkdirSync(network);
  cpSync(join(root, "etc/network/ifupdown2"), join(network, "ifupdown2"), { recursive: true });
  copyFileSync(file, join(network, "interfaces"));
  const program = join(folder, "ifreload");
  symlinkSync(ifupdown2.path, program);
  const command = 'mount --bind "$0" /etc/network && exec python3 "$1" -a -s';
  const env = { PYTHONDONTWRITEBYTECODE: "1", PYTHONPATH: `${root}/usr/share:${root}/usr/share/ifupdown2` };
  return runJudge("unshare", [...OWN_MOUNTS, "sh", "-c", command, network, program], { env });
}

function mountObstacle(): string | undefined {
  const { status } = spawnSync("unshare", [...OWN_MOUNTS, "mount", "--bind", tmpdir(), "/etc/network"]);
  return status === 0 ? undefined : "needs /etc/network and a mount namespace (unshare) to put the file there";
}

/** Path of a file `interfaces` in a folder of its own. */
function inFolder(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "everboot-ifupdown-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "interfaces");
  writeFileSync(file, text);
  return file;
}
