import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ipv4, Mac } from "../../../src/base/address.ts";
import type { NetworkPlan, Nic } from "../../../src/bond/model.ts";
import { renderNmconnection } from "../../../src/bond/nmconnection.ts";
import { Ini } from "../../support/bond-readers-networkd.ts";

const first: Nic = { name: "nic0", mac: "52:54:00:00:00:01" as Mac };
const second: Nic = { name: "nic1", mac: "52:54:00:00:00:02" as Mac };
const dns = ["10.20.0.2", "10.20.0.3"] as Ipv4[];

const bonded: NetworkPlan = {
  hostname: "h1",
  nics: [first, second],
  bond: {
    name: "bond0",
    mode: "active-backup",
    arp_interval: 1000,
    arp_ip_target: dns,
    members: [first, second],
    primary: first,
    mac: first.mac,
  },
  devices: [
    {
      name: "bond0",
      addressing: {
        kind: "static",
        address: "10.20.1.7" as Ipv4,
        prefix: 16,
        router: "10.20.0.1" as Ipv4,
        dns,
        domain: "rack.example",
      },
      mtu: 9000,
    },
    { name: "bond0.100", vlan: { id: 100, parent: "bond0" }, addressing: { kind: "dhcp" } },
    { name: "bond0.200", vlan: { id: 200, parent: "bond0" }, addressing: { kind: "none" } },
  ],
};

const FILES = {
  bond0: `[connection]
id=bond0
uuid=UUID
autoconnect-priority=10
type=bond
interface-name=bond0
autoconnect-slaves=1

[ethernet]
cloned-mac-address=52:54:00:00:00:01
mtu=9000

[bond]
mode=active-backup
arp_interval=1000
arp_ip_target=10.20.0.2,10.20.0.3
primary=nic0

[ipv4]
method=manual
address1=10.20.1.7/16,10.20.0.1
dns=10.20.0.2;10.20.0.3;
dns-search=rack.example;
may-fail=false

[ipv6]
method=auto
`,
  "bond0.100": `[connection]
id=bond0.100
uuid=UUID
autoconnect-priority=10
type=vlan
interface-name=bond0.100

[vlan]
id=100
parent=bond0

[ipv4]
method=auto
dhcp-client-id=mac
dhcp-timeout=2147483647
may-fail=false

[ipv6]
method=auto
`,
  "bond0.200": `[connection]
id=bond0.200
uuid=UUID
autoconnect-priority=10
type=vlan
interface-name=bond0.200

[vlan]
id=200
parent=bond0

[ipv4]
method=disabled

[ipv6]
method=ignore
`,
  nic0: memberText(first),
  nic1: memberText(second),
};

function memberText({ name, mac }: Nic): string {
  return `[connection]
id=${name}
uuid=UUID
autoconnect-priority=10
type=ethernet
master=bond0
slave-type=bond

[ethernet]
mac-address=${mac}
`;
}

test("a bond with an address, its members, a VLAN by DHCP and one without an address", () => {
  const files = renderNmconnection(bonded).map(({ path, text, mode }) => {
    assert.equal(mode, 0o600, "NetworkManager ignores keyfiles that others can read");
    const [, name] = /^\/etc\/NetworkManager\/system-connections\/(.+)\.nmconnection$/.exec(path) ?? [];
    return [name, text.replace(/^uuid=.*$/m, "uuid=UUID")];
  });
  assert.deepEqual(Object.fromEntries(files), FILES);
});

test("a single port is found by its address, not by its name", () => {
  const plan: NetworkPlan = {
    hostname: "h1",
    nics: [first],
    devices: [{ name: "nic0", addressing: { kind: "dhcp" } }],
  };
  const [keyfile] = renderNmconnection(plan).map(({ text }) => new Ini(text));
  assert.equal(keyfile?.one("ethernet", "mac-address"), first.mac);
  assert.equal(keyfile?.one("connection", "interface-name"), undefined);
});

test("UUIDs are of version 5, the same for the same host, and of no other connection or host", () => {
  const uuids = (hostname: string) =>
    renderNmconnection({ ...bonded, hostname }).map(({ text }) => new Ini(text).one("connection", "uuid") ?? "");
  for (const uuid of uuids("h1")) {
    assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  }
  assert.deepEqual(uuids("h1"), uuids("h1"));
  const all = [...uuids("h1"), ...uuids("h2")];
  assert.equal(new Set(all).size, all.length);
});
