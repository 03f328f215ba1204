import assert from "node:assert/strict";
import { test } from "node:test";
import { type StackName, stackChanges } from "../../../src/bond/stacks.ts";
import { planOf } from "./machine.ts";

/** What becomes of one file that is there; undefined = it is taken away. */
function leftOf(stack: StackName, path: string, text: string): string | undefined {
  const changes = stackChanges(stack, planOf(), [{ path, mode: 0o600, text }]);
  const change = changes.find((each) => each.path === path);
  return change ? change.text : text;
}

test("ifupdown: stanzas of others stay in the file, above ours", () => {
  const before = `# notes
auto lo eth0 eth2
iface lo inet loopback

allow-hotplug eth1
iface eth0 inet static
	address 10.0.0.5/24
	dns-nameservers 10.0.0.53 \\
		10.0.0.54
# the second uplink
iface eth2 inet dhcp
	up true
source /etc/network/interfaces.d/*
`;
  const after = leftOf("ifupdown", "/etc/network/interfaces", before) ?? "";
  assert.match(
    after,
    /^# notes\nauto lo eth2\niface lo inet loopback\n\n# the second uplink\niface eth2 inet dhcp\n\tup true\nsource \/etc\/network\/interfaces.d\/\*\n\nauto bond0\niface bond0 inet static\n/,
  );
  assert.doesNotMatch(after, /iface eth0|hotplug|10\.0\.0\.54/);
  assert.equal(after.match(/iface lo inet/g)?.length, 1);
});

test("ifupdown: an own file of a member becomes empty of it, and the bond's stanza is still the main file's", () => {
  const path = "/etc/network/interfaces.d/eth0";
  assert.equal(leftOf("ifupdown", path, "auto eth0\niface eth0 inet dhcp\n"), "");
  const [main] = stackChanges("ifupdown", planOf(), []);
  assert.match(main?.text ?? "", /^auto lo\niface lo inet loopback\n\nauto bond0\n/);
});

const KEPT: ReadonlyArray<readonly [stack: StackName, path: string, text: string]> = [
  ["ifupdown", "/etc/network/interfaces.d/wg0", "auto wg0\niface wg0 inet manual\n"],
  ["netplan", "/etc/netplan/60-other.yaml", "network: {version: 2, ethernets: {eth2: {dhcp4: true}}}\n"],
  ["netplan", "/etc/netplan/00-renderer.yaml", "network: {version: 2, renderer: networkd}\n"],
  ["networkd", "/etc/systemd/network/80-all.network", "[Match]\nName=en*\n\n[Network]\nDHCP=yes\n"],
  ["nmconnection", "/etc/NetworkManager/system-connections/vpn", "[connection]\nid=vpn\ntype=vpn\n"],
  ["ifcfg-redhat", "/etc/sysconfig/network-scripts/ifcfg-lo", "DEVICE=lo\nIPADDR=127.0.0.1\n"],
  ["ifcfg-suse", "/etc/sysconfig/network/ifcfg-eth2", "BOOTPROTO='dhcp'\n"],
];
for (const [stack, path, text] of KEPT) {
  test(`${stack}: ${path} is of others and stays`, () => assert.equal(leftOf(stack, path, text), text));
}

const GONE: ReadonlyArray<readonly [stack: StackName, path: string, text: string]> = [
  [
    "netplan",
    "/etc/netplan/50-cloud-init.yaml",
    "network:\n  version: 2\n  ethernets:\n    eth0:\n      dhcp4: true\n",
  ],
  ["netplan", "/etc/netplan/9.yaml", 'network: {ethernets: {wan: {match: {macaddress: "52:54:00:00:00:01"}}}}\n'],
  ["networkd", "/etc/systemd/network/05-eth0.network", "[Match]\nName=eth0 eth1\n\n[Network]\nDHCP=yes\n"],
  ["nmconnection", "/etc/NetworkManager/system-connections/Wired", "[connection]\ninterface-name=eth0\n"],
  ["nmconnection", "/etc/sysconfig/network-scripts/ifcfg-Wired", 'HWADDR="52:54:00:00:00:01"\n'],
  ["ifcfg-redhat", "/etc/sysconfig/network-scripts/ifcfg-Wired", "DEVICE='eth1'\n"],
  ["ifcfg-suse", "/etc/sysconfig/network/ifroute-eth0", "default 10.0.0.1 - eth0\n"],
];
for (const [stack, path, text] of GONE) {
  test(`${stack}: ${path} speaks of a member alone and goes`, () => assert.equal(leftOf(stack, path, text), undefined));
}

test("netplan: other devices and comments stay in a file", () => {
  const text =
    "network:\n  version: 2\n  ethernets:\n    eth0:\n      dhcp4: true\n    # storage\n    eth2:\n      dhcp4: true\n";
  const after = leftOf("netplan", "/etc/netplan/50-cloud-init.yaml", text);
  assert.equal(after, "network:\n  version: 2\n  ethernets:\n    # storage\n    eth2:\n      dhcp4: true\n");
});

test("networkd: other names stay in a file's match", () => {
  const text = "[Match]\nName=eth0 eth2\n\n[Network]\nDHCP=yes\n";
  assert.equal(leftOf("networkd", "/etc/systemd/network/05-a.network", text), text.replace("eth0 ", ""));
});
