import assert from "node:assert/strict";
import { test } from "node:test";
import { readLinks, readResolver, readRoutes } from "../../../src/bond/machine-network.ts";

/** As iproute2 6.1 prints them, shortened. */
const LINKS = [
  {
    ifname: "lo",
    flags: ["LOOPBACK", "UP", "LOWER_UP"],
    mtu: 65536,
    link_type: "loopback",
    address: "00:00:00:00:00:00",
    addr_info: [{ family: "inet", local: "127.0.0.1", prefixlen: 8, scope: "host" }],
  },
  {
    ...{ ifname: "eth0", flags: ["BROADCAST", "UP", "LOWER_UP"], mtu: 9000, link_type: "ether" },
    ...{ address: "52:54:00:00:00:01", permaddr: "52:54:00:00:00:02", master: "bond0" },
    addr_info: [
      { family: "inet", local: "10.0.0.5", prefixlen: 24, broadcast: "10.0.0.255", scope: "global", label: "eth0" },
      { family: "inet6", local: "2001:db8::5", prefixlen: 64, scope: "global", dynamic: true, mngtmpaddr: true },
      { family: "inet6", local: "fe80::1", prefixlen: 64, scope: "link" },
    ],
  },
  {},
  {
    ifname: "eth0.5",
    link: "eth0",
    flags: ["BROADCAST"],
    mtu: 1500,
    link_type: "ether",
    address: "52:54:00:00:00:01",
    linkinfo: { info_kind: "vlan" },
    addr_info: [],
  },
  {
    ifname: "v0",
    link: "v1",
    flags: [],
    mtu: 1500,
    link_type: "ether",
    address: "52:54:00:00:00:09",
    linkinfo: { info_kind: "veth" },
    addr_info: [],
  },
];

test("links: permanent addresses, what lies on what, addresses that others can use", () => {
  const [lo, eth0, vlan, veth] = readLinks(JSON.stringify(LINKS));
  assert.deepEqual(lo, { name: "lo", up: true, carrier: true, mtu: 65536, addresses: [] });
  assert.deepEqual(eth0, {
    ...{ name: "eth0", mac: "52:54:00:00:00:02", up: true, carrier: true, mtu: 9000, master: "bond0" },
    addresses: [
      { version: 4, address: "10.0.0.5", prefix: 24, broadcast: "10.0.0.255", dynamic: false },
      { version: 6, address: "2001:db8::5", prefix: 64, dynamic: true },
    ],
  });
  assert.equal(vlan?.parent, "eth0");
  assert.equal(veth?.parent, undefined);
});

test("routes: the kernel's own are left out, and so are those of several paths", () => {
  const routes = readRoutes(
    JSON.stringify([
      {
        dst: "default",
        gateway: "10.0.0.1",
        dev: "eth0",
        protocol: "dhcp",
        prefsrc: "10.0.0.5",
        metric: 100,
        flags: ["onlink"],
      },
      { dst: "10.0.0.0/24", dev: "eth0", protocol: "kernel", scope: "link", flags: [] },
      { dst: "10.8.0.0/16", dev: "eth0", protocol: "static", scope: "link", flags: [] },
      { dst: "10.9.0.0/16", nexthops: [{ dev: "eth0" }, { dev: "eth1" }], flags: [] },
    ]),
  );
  assert.deepEqual(
    routes.map(({ device, via, words }) => [device, via, words.join(" ")]),
    [
      ["eth0", "10.0.0.1", "default via 10.0.0.1 proto dhcp src 10.0.0.5 metric 100 onlink"],
      ["eth0", undefined, "10.8.0.0/16 proto static scope link"],
    ],
  );
});

test("resolv.conf: name servers of IPv4 and the first domain of the last search", () => {
  const text = "# by hand\ndomain old.example\nsearch rack.example example\nnameserver 10.0.0.53\nnameserver fe80::1\n";
  assert.deepEqual(readResolver(text), { dns: ["10.0.0.53"], domain: "rack.example" });
  assert.deepEqual(readResolver("search .\n"), { dns: [] });
});
