import assert from "node:assert/strict";
import { test } from "node:test";
import type { MachineLink } from "../../../src/bond/machine-network.ts";
import { type SwitchOver, switchOverSteps } from "../../../src/bond/switch-over.ts";
import { ADDRESS, ipv4, link, machineOf, planOf, ROUTER } from "./machine.ts";

function commands(change: Partial<SwitchOver> = {}): string[] {
  return stepsOf(change).map(({ command, awaits }) => (awaits ? `await ${awaits.join(" ")}` : command.join(" ")));
}

/** In the order in which they are run. */
function undos(change: Partial<SwitchOver> = {}): string[] {
  return stepsOf(change)
    .toReversed()
    .flatMap(({ undo }) => (undo ? [undo.join(" ")] : []));
}

function stepsOf(change: Partial<SwitchOver>) {
  return switchOverSteps({
    plan: planOf(),
    machine: machineOf(),
    files: [],
    stack: "ifupdown",
    loaded: true,
    ...change,
  });
}

const without = (name: string, more: Partial<MachineLink>) => machineOf([link(name, more)]);

test("the idle member joins first, the one in use last, and the address moves while the bond is down", () => {
  assert.deepEqual(commands(), [
    "ip link add name bond0 address 52:54:00:00:00:00 type bond mode active-backup miimon 100",
    "ip link set dev eth1 down",
    "ip link set dev eth1 master bond0",
    "await eth1",
    "sh -c echo 1 >/proc/sys/net/ipv4/conf/bond0/arp_notify",
    "ip address add 10.0.0.5/24 broadcast + dev bond0",
    "ip -4 route flush dev eth0",
    "ip link set dev eth0 down",
    "ip -4 address flush dev eth0",
    "ip link set dev bond0 up",
    "ip route add default via 10.0.0.1 proto static metric 100 dev bond0",
    "ip route add 10.9.0.0/16 via 10.0.0.2 dev bond0",
    "ip link set dev eth0 master bond0",
  ]);
});

test("the way back gives everything back: link and address before the routes", () => {
  assert.deepEqual(undos(), [
    "ip link set dev eth0 nomaster",
    "ip link set dev bond0 down",
    "ip address add 10.0.0.5/24 broadcast 10.0.0.255 dev eth0",
    "ip link set dev eth0 up",
    "sh -c ip route add default via 10.0.0.1 proto static metric 100 dev eth0; ip route add 10.9.0.0/16 via 10.0.0.2 dev eth0",
    "ip link set dev eth1 nomaster",
    "ip link set dev eth1 up",
    "ip link del bond0",
  ]);
});

test("a member that was down is not put up on the way back", () => {
  const change = { machine: without("eth1", { up: false, carrier: false }) };
  assert.ok(!commands(change).includes("ip link set dev eth1 down"));
  assert.ok(!undos(change).includes("ip link set dev eth1 up"));
});

test("every setting is an option of the new bond, several targets with commas", () => {
  const bond = { arp_interval: 1000, arp_ip_target: [ROUTER, ADDRESS], num_grat_arp: 3 };
  const { miimon: _miimon, ...rest } = planOf(bond).bond;
  const primary = rest.members.find(({ name }) => name === "eth1");
  const [create] = commands({ plan: { ...planOf(), bond: { ...rest, ...(primary && { primary }) } } });
  assert.equal(
    create,
    "ip link add name bond0 address 52:54:00:00:00:00 type bond mode active-backup arp_interval 1000 " +
      "arp_ip_target 10.0.0.1,10.0.0.5 num_grat_arp 3 primary eth1",
  );
});

test("a VLAN is made on the bond and gets the address; large packets are for the bond first", () => {
  const [own] = planOf().devices;
  const addressing = own?.addressing ?? { kind: "none" };
  const devices = [
    { name: "bond0", addressing: { kind: "none" as const }, mtu: 9000 },
    { name: "bond0.100", vlan: { id: 100, parent: "bond0" }, addressing, mtu: 9000 },
  ];
  const found = commands({ plan: planOf({}, { devices }) });
  assert.match(found[0] ?? "", /^ip link add name bond0 address \S+ mtu 9000 type bond/);
  assert.ok(
    found.indexOf("ip link add link bond0 name bond0.100 type vlan id 100") < found.indexOf("ip link set dev bond0 up"),
  );
  assert.ok(found.includes("ip address add 10.0.0.5/24 broadcast + dev bond0.100"));
  assert.ok(found.indexOf("ip link set dev bond0 up") < found.indexOf("ip link set dev bond0.100 up"));
  assert.ok(found.includes("ip route add default via 10.0.0.1 proto static metric 100 dev bond0.100"));
});

test("with DHCP the lease and its routes go along", () => {
  const machine = machineOf([link("eth0", { addresses: [ipv4("10.0.0.77", { dynamic: true })] })]);
  const plan = planOf({}, { devices: [{ name: "bond0", addressing: { kind: "dhcp" } }] });
  const found = commands({ plan, machine });
  assert.ok(found.includes("ip address add 10.0.0.77/24 broadcast 10.0.0.255 dev bond0"));
  assert.ok(found.includes("ip route add default via 10.0.0.1 proto static metric 100 dev bond0"));
});

test("members that nobody uses are all joined before the bond comes up", () => {
  const found = commands({ machine: { ...without("eth0", { addresses: [] }), routes: [] } });
  assert.ok(found.indexOf("ip link set dev eth0 master bond0") < found.indexOf("ip link set dev bond0 up"));
  assert.ok(found.includes("await eth0 eth1"));
  assert.ok(found.includes("ip route add default via 10.0.0.1 dev bond0"));
});

test("files are written before the network changes, and come back after it", () => {
  const files = [
    { path: "/etc/new", staged: "/s/new/etc/new" },
    { path: "/etc/both", staged: "/s/new/etc/both", backup: "/s/old/etc/both" },
    { path: "/etc/gone", backup: "/s/old/etc/gone" },
  ];
  assert.deepEqual(commands({ files, loaded: false }).slice(0, 4), [
    "cp -p /s/new/etc/new /etc/new",
    "cp -p /s/new/etc/both /etc/both",
    "rm /etc/gone",
    "modprobe bonding max_bonds=0",
  ]);
  assert.deepEqual(undos({ files }).slice(-3), [
    "cp -p /s/old/etc/gone /etc/gone",
    "cp -p /s/old/etc/both /etc/both",
    "rm -f /etc/new",
  ]);
});

test("a manager stands still meanwhile, and starts again with the files that count", () => {
  const units = "systemd-networkd.socket systemd-networkd.service";
  const change = { manager: "systemd-networkd", stack: "netplan" } as const;
  const [found, back] = [commands(change), undos(change)];
  assert.equal(found[0], `systemctl stop ${units}`);
  assert.deepEqual(found.slice(-2), ["netplan generate", `systemctl start ${units}`]);
  assert.equal(back[0], `systemctl stop ${units}`);
  assert.equal(back.at(-1), `sh -c netplan generate; systemctl start ${units}`);
  assert.equal(commands({ manager: "NetworkManager" }).at(-1), "systemctl start NetworkManager.service");
});
