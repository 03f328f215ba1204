import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ipv4, Mac } from "../../../src/base/address.ts";
import type { NetworkPlan, Nic } from "../../../src/bond/model.ts";
import { linkFiles, networkdLacks, renderNetworkd } from "../../../src/bond/networkd.ts";

const first: Nic = { name: "nic0", mac: "52:54:00:00:00:01" as Mac };
const second: Nic = { name: "nic1", mac: "52:54:00:00:00:02" as Mac };

const bonded: NetworkPlan = {
  hostname: "h1",
  nics: [first, second],
  bond: {
    name: "bond0",
    mode: "balance-alb",
    miimon: 100,
    updelay: 1200,
    min_links: 0,
    members: [first, second],
    primary: first,
    mac: second.mac,
  },
  devices: [
    { name: "bond0", addressing: { kind: "dhcp" }, mtu: 9000 },
    {
      name: "bond0.100",
      vlan: { id: 100, parent: "bond0" },
      addressing: { kind: "static", address: "10.21.0.7" as Ipv4, prefix: 24, dns: [] },
      mtu: 1500,
    },
  ],
};

const BONDED_FILES = {
  "nic0.link": "[Match]\nPermanentMACAddress=52:54:00:00:00:01\n\n[Link]\nName=nic0\n",
  "nic1.link": "[Match]\nPermanentMACAddress=52:54:00:00:00:02\n\n[Link]\nName=nic1\n",
  "bond0.netdev": `[NetDev]
Name=bond0
Kind=bond
MACAddress=52:54:00:00:00:02
MTUBytes=9000

[Bond]
Mode=balance-alb
MIIMonitorSec=100ms
UpDelaySec=1200ms
MinLinks=0
`,
  "nic0.network": `[Match]
PermanentMACAddress=52:54:00:00:00:01

[Link]
RequiredForOnline=no

[Network]
Bond=bond0
PrimarySlave=yes
`,
  "nic1.network": `[Match]
PermanentMACAddress=52:54:00:00:00:02

[Link]
RequiredForOnline=no

[Network]
Bond=bond0
`,
  "bond0.100.netdev": "[NetDev]\nName=bond0.100\nKind=vlan\nMTUBytes=1500\n\n[VLAN]\nId=100\n",
  "bond0.network": `[Match]
Name=bond0

[Link]
MTUBytes=9000

[Network]
DHCP=ipv4
VLAN=bond0.100

[DHCPv4]
ClientIdentifier=mac
`,
  "bond0.100.network": `[Match]
Name=bond0.100

[Link]
MTUBytes=1500

[Network]
Address=10.21.0.7/24
ConfigureWithoutCarrier=yes
`,
};

test("a bond by DHCP with a VLAN on it", () => {
  const files = renderNetworkd(bonded).map(({ path, text, mode }) => {
    assert.equal(mode, 0o644);
    assert.match(path, /^\/etc\/systemd\/network\/10-everboot-/);
    return [path.replace(/^.*10-everboot-/, ""), text];
  });
  assert.deepEqual(Object.fromEntries(files), BONDED_FILES);
});

test("the names of NICs alone, for stacks that cannot give them", () => {
  const paths = linkFiles(bonded).map(({ path }) => path);
  const folder = "/etc/systemd/network";
  assert.deepEqual(paths, [`${folder}/10-everboot-nic0.link`, `${folder}/10-everboot-nic1.link`]);
});

test("a port without a bond is known by its address, and has the router and the name servers", () => {
  const dns = ["10.20.0.2", "10.20.0.3"] as Ipv4[];
  const router = "10.20.0.1" as Ipv4;
  const plan: NetworkPlan = {
    hostname: "h1",
    nics: [first],
    devices: [
      {
        name: "nic0",
        addressing: { kind: "static", address: "10.20.1.7" as Ipv4, prefix: 16, router, dns, domain: "rack.example" },
      },
    ],
  };
  assert.equal(
    renderNetworkd(plan).at(-1)?.text,
    `[Match]
PermanentMACAddress=52:54:00:00:00:01

[Network]
Address=10.20.1.7/16
Gateway=10.20.0.1
DNS=10.20.0.2
DNS=10.20.0.3
Domains=rack.example
ConfigureWithoutCarrier=yes
`,
  );
});

test("what networkd ignores is told", () => {
  assert.deepEqual(networkdLacks({ mode: "802.3ad", xmit_hash_policy: "layer3+4", num_grat_arp: 0 }), []);
  assert.deepEqual(networkdLacks({ mode: "802.3ad", xmit_hash_policy: "vlan+srcmac" }), ["xmit_hash_policy"]);
  assert.deepEqual(networkdLacks({ mode: "active-backup", arp_validate: "filter_backup" }), ["arp_validate"]);
});
