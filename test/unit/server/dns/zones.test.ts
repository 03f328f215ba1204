import assert from "node:assert/strict";
import { test } from "node:test";
import { siteZones, zoneOf } from "../../../../src/server/dns/zones.ts";
import { exampleSite, siteOf } from "../../../support/sites.ts";

const siteWith = (cidr: string, names = "{}") =>
  siteOf(`
site: test
subnets:
  - {cidr: ${cidr}, domain: Lab.Example}
  - {cidr: 192.168.9.0/24}
names: ${names}
servers:
  one: {address: 192.168.9.1}
trees:
  debian-12: {family: debian, release: bookworm, path: /srv/debian-12}
profiles:
  plain: {tree: debian-12}
hosts:
  bare: {nics: ["52:54:00:00:00:01"], address: 192.168.9.7, profile: plain}
`);

const reverseOf = (cidr: string) =>
  [...siteZones(siteWith(cidr)).apexes].filter((apex) => apex.endsWith("arpa") && !apex.startsWith("9.168.192."));

test("hosts, servers and the install name of the papers' site, forward and reverse", () => {
  const zones = siteZones(exampleSite("pair"));
  assert.deepEqual([...zones.apexes], ["youyuanyin.org", "0.168.192.in-addr.arpa"]);
  assert.deepEqual(zones.nameServers, ["server1.youyuanyin.org", "server2.youyuanyin.org"]);
  assert.equal(zones.install, "ftp.youyuanyin.org");
  assert.deepEqual(zones.names.get("cli128.youyuanyin.org")?.a, ["192.168.0.128"]);
  assert.equal(zones.names.get("128.0.168.192.in-addr.arpa")?.ptr, "cli128.youyuanyin.org");
  assert.equal(zones.names.get("11.0.168.192.in-addr.arpa")?.ptr, "server1.youyuanyin.org");
  assert.equal(zones.names.get("253.0.168.192.in-addr.arpa")?.ptr, "ftp.youyuanyin.org", "floating");
});

test("without a domain a name is a zone of its own; domains are compared without regard to case", () => {
  const zones = siteZones(siteWith("10.0.0.0/8"));
  assert.deepEqual([...zones.apexes], ["lab.example", "10.in-addr.arpa", "9.168.192.in-addr.arpa", "bare", "one"]);
});

test("an install name outside of the site's domains takes nothing but itself from its domain", () => {
  const zones = siteZones(siteWith("10.0.0.0/8", "{install: install.corp.example}"));
  assert.equal(zoneOf(zones, "install.corp.example"), "install.corp.example");
  assert.equal(zoneOf(zones, "www.corp.example"), undefined);
});

test("names that have only names below them are there", () => {
  const zones = siteZones(siteWith("10.0.0.0/8", "{install: a.b.lab.example}"));
  assert.deepEqual([...zones.between], ["b.lab.example"]);
});

test("reverse zones hold the subnet and no address beside it", () => {
  assert.deepEqual(reverseOf("10.2.0.0/16"), ["2.10.in-addr.arpa"]);
  assert.deepEqual(
    reverseOf("10.2.4.0/22"),
    [4, 5, 6, 7].map((octet) => `${octet}.2.10.in-addr.arpa`),
  );
  assert.deepEqual(
    reverseOf("10.2.4.8/30"),
    [8, 9, 10, 11].map((octet) => `${octet}.4.2.10.in-addr.arpa`),
  );
});

test("another site file, another serial", () => {
  const [first, second] = ["10.2.0.0/16", "10.3.0.0/16"].map((cidr) => siteZones(siteWith(cidr)).serial);
  assert.notEqual(first, second);
  assert.ok(Number.isInteger(first) && Number(first) >= 0 && Number(first) < 2 ** 32);
});
