import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ipv4, Mac } from "../../../src/base/address.ts";
import type { PlannedBond } from "../../../src/bond/model.ts";
import { renderModprobe } from "../../../src/bond/modprobe.ts";

const NIC0 = { name: "eth0", mac: "52:54:00:00:0a:01" as Mac };
const NIC1 = { name: "eth1", mac: "52:54:00:00:0a:02" as Mac };
const BOND: PlannedBond = { name: "bond0", members: [NIC0, NIC1], mode: "active-backup", miimon: 100 };

function rendered(bond: PlannedBond) {
  return renderModprobe({ hostname: "h1", nics: bond.members, bond, devices: [] });
}

test("bond0 is made by the driver itself", () => {
  assert.deepEqual(rendered(BOND), [
    {
      ...{ path: "/etc/modprobe.d/bonding.conf", mode: 0o644 },
      text: "alias bond0 bonding\noptions bonding max_bonds=1 mode=active-backup miimon=100\n",
    },
  ]);
});

test("no bond0 stands idle beside a bond of another name; several ARP targets are one parameter", () => {
  const { miimon: _miimon, ...rest } = BOND;
  const targets = ["10.0.0.1", "10.0.0.2"] as Ipv4[];
  const [file] = rendered({ ...rest, name: "uplink", primary: NIC1, arp_interval: 1000, arp_ip_target: targets });
  assert.equal(
    file?.text,
    "alias uplink bonding\noptions bonding max_bonds=0 mode=active-backup arp_interval=1000 arp_ip_target=10.0.0.1,10.0.0.2 primary=eth1\n",
  );
});

test("without a bond there is nothing to say", () => {
  const devices = [{ name: "eth0", addressing: { kind: "dhcp" } }] as const;
  assert.deepEqual(renderModprobe({ hostname: "h1", nics: [NIC0], devices }), []);
});
