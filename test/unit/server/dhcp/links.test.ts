import assert from "node:assert/strict";
import { test } from "node:test";
import { cidrContains, parseCidr } from "../../../../src/base/address.ts";
import type { LocalInterface } from "../../../../src/net/interfaces.ts";
import { reservedAddresses } from "../../../../src/server/dhcp/exchange.ts";
import { servedLinks } from "../../../../src/server/dhcp/links.ts";
import { HOST_NIC_1, sketch } from "../../../support/dhcp-context.ts";
import { ip, onlyServer } from "../../../support/dhcp-site.ts";

const local = (name: string, address: string, subnet: string): LocalInterface => {
  const cidr = parseCidr(subnet);
  assert.ok(cidr && cidrContains(cidr, ip(address)));
  return { name, address: ip(address), cidr, mac: HOST_NIC_1 };
};

const INTERFACES = [
  local("lo", "127.0.0.1", "127.0.0.0/8"),
  local("e0", "192.168.77.9", "192.168.77.0/24"),
  local("e0", "192.168.77.1", "192.168.77.0/24"),
  local("e1", "10.2.0.7", "10.2.0.0/16"),
  local("e2", "172.16.0.1", "172.16.0.0/24"),
];

test("interfaces in the site's subnets, the server's own address first", () => {
  const site = sketch({});
  assert.deepEqual(servedLinks(site, onlyServer(site), INTERFACES), [
    { device: "e0", addresses: [ip("192.168.77.1"), ip("192.168.77.9")] },
    { device: "e1", addresses: [ip("10.2.0.7")] },
  ]);
});

test("named interfaces alone, also one that only relay agents reach", () => {
  const site = sketch({ server: { address: "192.168.77.1", interfaces: ["e2"] } });
  assert.deepEqual(servedLinks(site, onlyServer(site), INTERFACES), [{ device: "e2", addresses: [ip("172.16.0.1")] }]);
});

test("a named interface that is not there, and no interface at all", () => {
  const named = sketch({ server: { address: "192.168.77.1", interfaces: ["e7"] } });
  assert.throws(() => servedLinks(named, onlyServer(named), INTERFACES), { code: "interface-missing" });
  const site = sketch({});
  assert.throws(() => servedLinks(site, onlyServer(site), []), { code: "address-missing" });
});

test("with DHCP off everywhere there is nothing to listen on", () => {
  const site = sketch({ subnets: [{ cidr: "192.168.77.0/24", dhcp: "off" }] });
  assert.deepEqual(servedLinks(site, onlyServer(site), INTERFACES), []);
});

test("hosts', servers', routers', name servers' and our own addresses are never lent", () => {
  const reserved = reservedAddresses(sketch({}), [{ device: "e0", addresses: [ip("192.168.77.9")] }]);
  const expected = [
    "192.168.77.101",
    "10.2.0.21",
    "192.168.77.1",
    "192.168.77.254",
    "10.2.0.1",
    "10.2.0.53",
    "10.2.0.54",
  ];
  assert.deepEqual([...reserved].sort(), [...expected, "192.168.77.9"].sort());
});
