import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import type { Ipv4, Mac } from "../../../src/base/address.ts";
import { dracutArguments } from "../../../src/bond/dracut.ts";
import type { Addressing, Device, NetworkPlan, PlannedBond } from "../../../src/bond/model.ts";
import { hostNetwork } from "../../../src/os/network.ts";
import { arbitraryPlan } from "../../support/arbitrary-plan.ts";
import { matrixHosts } from "../../support/bond-matrix.ts";
import { installerPlan, readInitrdProfiles } from "../../support/bond-readers-dracut.ts";
import { packagedJudge } from "../../support/judges.ts";

const FIXTURES = join(dirname(fileURLToPath(import.meta.url)), "../../fixtures/judges");
const NIC0 = { name: "nic0", mac: "52:54:00:00:00:01" as Mac };
const NIC1 = { name: "nic1", mac: "52:54:00:00:00:02" as Mac };
const NAMES = ["ifname=nic0:52:54:00:00:00:01", "ifname=nic1:52:54:00:00:00:02"];
const BOND: PlannedBond = {
  ...{ name: "bond0", members: [NIC0, NIC1], primary: NIC1, mac: NIC0.mac },
  ...{ mode: "active-backup", miimon: 100, num_grat_arp: 3 },
};
const FIXED: Addressing = {
  ...{ kind: "static", address: "10.0.0.10" as Ipv4, prefix: 24, router: "10.0.0.1" as Ipv4 },
  ...{ dns: ["10.0.0.1", "10.0.0.2"] as Ipv4[], domain: "rack.example" },
};

function bonded(devices: readonly Device[], bond = BOND): NetworkPlan {
  return { hostname: "h1", nics: bond.members, bond, devices };
}

test("a bond with a fixed address: its MTU in bond=, its MAC address in ip=", () => {
  const plan = bonded([{ name: "bond0", addressing: FIXED, mtu: 9000 }]);
  assert.deepEqual(dracutArguments(plan), [
    ...NAMES,
    "bond=bond0:nic0,nic1:mode=active-backup,miimon=100,num_grat_arp=3,primary=nic1:9000",
    "ip=10.0.0.10::10.0.0.1:255.255.255.0:h1:bond0:none::52:54:00:00:00:01",
    "nameserver=10.0.0.1",
    "nameserver=10.0.0.2",
  ]);
});

test("a bond with DHCP whose MAC address is not pinned; of its ARP targets the first", () => {
  const { mac: _mac, miimon: _miimon, num_grat_arp: _num, primary: _primary, ...rest } = BOND;
  const targets = ["10.0.0.1", "10.0.0.2"] as Ipv4[];
  const bond = { ...rest, fail_over_mac: "active", arp_interval: 1000, arp_ip_target: targets } as const;
  assert.deepEqual(dracutArguments(bonded([{ name: "bond0", addressing: { kind: "dhcp" } }], bond)), [
    ...NAMES,
    "bond=bond0:nic0,nic1:mode=active-backup,arp_interval=1000,arp_ip_target=10.0.0.1,fail_over_mac=active",
    "ip=bond0:dhcp",
  ]);
});

test("the first device with an address is the installer's; a VLAN says its MTU in ip=", () => {
  const plan = bonded([
    { name: "bond0", addressing: { kind: "none" }, mtu: 9000 },
    { name: "bond0.100", vlan: { id: 100, parent: "bond0" }, addressing: FIXED, mtu: 1400 },
    { name: "bond0.200", vlan: { id: 200, parent: "bond0" }, addressing: { kind: "dhcp" } },
  ]);
  assert.deepEqual(dracutArguments(plan, { hostname: false }).slice(2), [
    "bond=bond0:nic0,nic1:mode=active-backup,miimon=100,num_grat_arp=3,primary=nic1:9000",
    "vlan=bond0.100:bond0",
    "ip=10.0.0.10::10.0.0.1:255.255.255.0::bond0.100:none:1400",
    "nameserver=10.0.0.1",
    "nameserver=10.0.0.2",
  ]);
});

test("one port, and a machine without any address", () => {
  const devices: Device[] = [{ name: "nic0", addressing: { kind: "dhcp" }, mtu: 1400 }];
  const plan = { hostname: "h1", nics: [NIC0], devices };
  assert.deepEqual(dracutArguments(plan), ["ifname=nic0:52:54:00:00:00:01", "ip=nic0:dhcp:1400"]);
  assert.deepEqual(dracutArguments({ ...plan, devices: [{ name: "nic0", addressing: { kind: "none" } }] }), []);
});

const generator = packagedJudge("network-manager", "usr/lib/NetworkManager/nm-initrd-generator");
const library = packagedJudge("libnm0", "usr/lib/x86_64-linux-gnu");
const obstacle = generator.obstacle ?? library.obstacle;

/** NetworkManager's profiles for these arguments, and its complaints; it always exits with 0. */
function generate(args: readonly string[]): { stdout: string; stderr: string } {
  const nowhere = ["-c", "/nonexistent", "-i", "/nonexistent", "-r", "/nonexistent"];
  const env = { LD_LIBRARY_PATH: library.path };
  return spawnSync(generator.path, ["-s", ...nowhere, "--", ...args], { encoding: "utf8", env });
}

function assertUnderstood(plan: NetworkPlan): void {
  const args = dracutArguments(plan);
  const { stdout, stderr } = generate(args);
  assert.equal(stderr, "", args.join(" "));
  assert.deepEqual(readInitrdProfiles(stdout, plan.nics), installerPlan(plan), args.join(" "));
}

test("NetworkManager makes the same network of all hosts of the matrix", { skip: obstacle }, () => {
  for (const host of matrixHosts({ family: "redhat", release: "9" })) assertUnderstood(hostNetwork(host, host.nics[0]));
});

test("NetworkManager makes the same network of any plan that has an address", { skip: obstacle }, () => {
  const addressed = arbitraryPlan().filter((plan) => installerPlan(plan) !== undefined);
  fc.assert(fc.property(addressed, assertUnderstood), { numRuns: 40 });
});

test("NetworkManager refuses a misspelt mode", { skip: obstacle }, () => {
  const args = readFileSync(join(FIXTURES, "dracut-bad"), "utf8").trim().split("\n");
  assert.match(generate(args).stderr, /invalid value 'active-backpu' for option 'mode'/);
});
