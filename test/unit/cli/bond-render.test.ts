import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { STACK_NAMES } from "../../../src/bond/stacks.ts";
import { bondCommand } from "../../../src/cli/bond.ts";
import { bondRender } from "../../../src/cli/bond-render.ts";
import { ipv4, link, machineOf } from "../bond/machine.ts";
import { bondMachine, terminal } from "./bond-world.ts";

const DEBIAN = { "etc/network/interfaces": "auto lo\niface lo inet loopback\n" };
const MEMBERS = ["--members", "eth0,eth1"];

test("takes the address, router and name servers that the members have now, for the stack in use", async (t) => {
  const io = terminal();
  assert.equal(await bondRender(MEMBERS, io, bondMachine(t, machineOf(), DEBIAN)), 0);
  assert.deepEqual(io.printed, [
    `# /etc/network/interfaces
auto lo
iface lo inet loopback

auto bond0
iface bond0 inet static
	address 10.0.0.5/24
	gateway 10.0.0.1
	dns-nameservers 10.0.0.53
	bond-slaves eth0 eth1
	bond-mode active-backup
	bond-miimon 100
	hwaddress 52:54:00:00:00:00
`,
  ]);
});

test("every option reaches the file", async (t) => {
  const io = terminal();
  const more =
    "uplink --mode 1 --arp-interval 1000 --arp-ip-target 10.0.0.1,10.0.0.2 --primary eth1 --num-grat-arp 3 --mtu 9000 --vlan 7 --address 10.7.0.5/16 --router 10.7.0.1 --dns 10.7.0.2";
  await bondRender([...MEMBERS, ...more.split(" ")], io, bondMachine(t, machineOf(), DEBIAN));
  const [text = ""] = io.printed;
  for (const line of [
    "bond-arp-interval 1000",
    "bond-arp-ip-target 10.0.0.1 10.0.0.2",
    "bond-primary eth1",
    "bond-num-grat-arp 3",
  ]) {
    assert.match(text, new RegExp(`^\\t${line}$`, "m"));
  }
  assert.match(text, /^iface uplink inet manual$/m);
  assert.match(text, /^iface uplink\.7 inet static\n\taddress 10\.7\.0\.5\/16\n\tgateway 10\.7\.0\.1\n/m);
  assert.doesNotMatch(text, /miimon/);
});

test("a lease becomes DHCP, and the NICs' large packets stay", async (t) => {
  const machine = machineOf([link("eth0", { mtu: 9000, addresses: [ipv4("10.0.0.77", { dynamic: true })] })]);
  const io = terminal();
  await bondRender([...MEMBERS, "--as", "networkd"], io, bondMachine(t, machine));
  assert.match(io.printed.join("\n"), /^DHCP=ipv4$/m);
  assert.match(io.printed.join("\n"), /^MTUBytes=9000$/m);
});

for (const stack of STACK_NAMES) {
  test(`writes ${stack} by name, with or without it in use`, async (t) => {
    const io = terminal();
    assert.equal(await bondRender([...MEMBERS, "--as", stack, "--json"], io, bondMachine(t, machineOf())), 0);
    const { files } = JSON.parse(io.printed[0] ?? "") as { files: { path: string; text: string }[] };
    assert.ok(files.some(({ text }) => text.includes("bond0") || text.includes("active-backup")));
  });
}

test("--out writes the files below a folder, and says which old one must go", async (t) => {
  const files = { "etc/netplan/50-cloud-init.yaml": "network: {version: 2, ethernets: {eth0: {dhcp4: true}}}\n" };
  const machine = bondMachine(t, machineOf(), files);
  const io = terminal({}, machine.root);
  assert.equal(await bondRender([...MEMBERS, "--out", "made"], io, machine), 0);
  assert.match(readFileSync(join(machine.root, "made/etc/netplan/01-everboot.yaml"), "utf8"), /bond0:/);
  assert.ok(!existsSync(join(machine.root, "made/etc/netplan/50-cloud-init.yaml")));
  assert.deepEqual(io.complaints, ["/etc/netplan/50-cloud-init.yaml: speaks of the same devices: take it away"]);
});

const FAULTS: ReadonlyArray<readonly [options: string, exit: number, line: RegExp]> = [
  ["--members eth0", 2, /^everboot: a bond joins two NICs or more: /],
  ["--members eth0,eth0", 2, /^everboot: a NIC is named twice/],
  ["--members eth0,eth9", 1, /^everboot: there is no NIC eth9: name some of eth0, eth1$/],
  ["--members eth0,eth1 --primary eth2", 2, /^everboot: eth2 is no member of this bond: choose one of eth0, eth1$/],
  [
    "--members eth0,eth1 --mode 802.3ad --primary eth0",
    2,
    /^everboot: mode 802.3ad has no primary: the kernel refuses it/,
  ],
  ["--members eth0,eth1 --miimon 100 --arp-interval 100 --arp-ip-target 10.0.0.1", 2, /by miimon or by arp_interval/],
  ["--members eth0,eth1 --mode 7", 2, /^everboot: `mode` cannot be/],
  ["--members eth0,eth1 --mode none", 2, /^everboot: mode none is no bond/],
  ["--members eth0,eth1 --address 10.0.0.5", 2, /^everboot: .*10\.0\.0\.5.* write address and prefix length/],
  ["--members eth0,eth1 --dhcp --router 10.0.0.1", 2, /^everboot: with --dhcp the server tells/],
  ["b/d --members eth0,eth1", 2, /^everboot: b\/d is no name of a device/],
];
for (const [options, exit, line] of FAULTS) {
  test(`refused in one line: ${options}`, async (t) => {
    const io = terminal();
    assert.equal(await bondRender(options.split(" "), io, bondMachine(t, machineOf(), DEBIAN)), exit);
    assert.equal(io.complaints.length, 1);
    assert.match(io.complaints[0] ?? "", line);
    assert.deepEqual(io.printed, []);
  });
}

test("warns of what the switch must do, and of what the stack loses", async (t) => {
  const io = terminal();
  const options = "--mode 802.3ad --xmit-hash-policy vlan+srcmac --as networkd".split(" ");
  assert.equal(await bondRender([...MEMBERS, ...options], io, bondMachine(t, machineOf())), 0);
  assert.equal(io.complaints.length, 2);
  assert.match(io.complaints[0] ?? "", /^warning: mode 802.3ad needs LACP on the switch/);
  assert.match(io.complaints[1] ?? "", /^warning: networkd has no xmit_hash_policy vlan\+srcmac: /);
});

test("members without an address: whoever has one is named", async (t) => {
  const machine = machineOf([link("eth0"), link("eth2", { addresses: [ipv4("10.0.0.5")] })]);
  const io = terminal();
  assert.equal(await bondRender(MEMBERS, io, bondMachine(t, machine, DEBIAN)), 1);
  assert.deepEqual(io.complaints, [
    "everboot: eth0 and eth1 have no address, and eth2 has 10.0.0.5: name it in --members, or give --address",
  ]);
});

test("several addresses: one has to be chosen", async (t) => {
  const machine = machineOf([link("eth1", { addresses: [ipv4("10.0.0.6")] })]);
  const io = terminal();
  assert.equal(await bondRender(MEMBERS, io, bondMachine(t, machine, DEBIAN)), 1);
  assert.match(io.complaints[0] ?? "", /have several addresses \(10\.0\.0\.5, 10\.0\.0\.6\): name one with --address$/);
});

test("a machine without a known stack, and words that there are not, are refused", async (t) => {
  const machine = bondMachine(t, machineOf());
  await assert.rejects(bondRender(MEMBERS, terminal(), machine), { code: "bond-refused" });
  await assert.rejects(bondRender([...MEMBERS, "--as", "ifplugd"], terminal(), machine), { code: "usage" });
  await assert.rejects(bondRender([...MEMBERS, "--speed", "1"], terminal(), machine), { code: "usage" });
  await assert.rejects(bondCommand.run(["make"], terminal()), { code: "usage" });
});
