import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Ipv4, Mac } from "../../../src/base/address.ts";
import * as address from "../../../src/base/address.ts";

for (const text of ["52:54:00:AB:cd:01", "52-54-00-ab-CD-01", "525400abcd01", " 52:54:00:ab:cd:01 "]) {
  test(`reads the MAC address "${text}"`, () => assert.equal(address.parseMac(text), "52:54:00:ab:cd:01"));
}
for (const text of ["", "52:54:00:ab:cd", "52:54:00:ab:cd:0g", "52:54-00:ab:cd:01", "5:54:0:ab:cd:1"]) {
  test(`refuses the MAC address "${text}"`, () => assert.equal(address.parseMac(text), undefined));
}
for (const text of ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.-4", "a.b.c.d", "1.2.3.4/24"]) {
  test(`refuses the IPv4 address "${text}"`, () => assert.equal(address.parseIpv4(text), undefined));
}
for (const text of ["10.0.0.1/24", "10.0.0.0/33", "10.0.0.0", "10.0.0.0/", "10.0.0/8"]) {
  test(`refuses the subnet "${text}"`, () => assert.equal(address.parseCidr(text), undefined));
}
for (const text of ["10.0.0.9-10.0.0.1", "10.0.0.1", "10.0.0.1-", "10.0.0.1-10.0.0.2-10.0.0.3"]) {
  test(`refuses the range "${text}"`, () => assert.equal(address.parseRange(text), undefined));
}

test("addresses survive every change of form", () => {
  fc.assert(
    fc.property(fc.nat(0xffffffff), (value) => {
      const ip = address.ipv4FromNumber(value);
      assert.equal(address.ipv4ToNumber(ip), value);
      assert.equal(address.parseIpv4(ip), ip);
      assert.equal(address.ipv4FromBytes(address.ipv4ToBytes(ip)), ip);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
      const mac = address.macFromBytes(bytes);
      assert.deepEqual(address.macToBytes(mac), bytes);
      assert.equal(address.parseMac(address.macWithDashes(mac)), mac);
    }),
  );
});

test("a subnet contains the addresses between its base and its broadcast address, and no others", () => {
  fc.assert(
    fc.property(fc.nat(0xffffffff), fc.nat(32), fc.nat(0xffffffff), (value, prefix, other) => {
      const size = 2 ** (32 - prefix);
      const cidr = { base: address.ipv4FromNumber(value - (value % size)), prefix };
      const inside =
        other >= address.ipv4ToNumber(cidr.base) && other <= address.ipv4ToNumber(address.cidrBroadcast(cidr));
      assert.equal(address.cidrContains(cidr, address.ipv4FromNumber(other)), inside);
      assert.deepEqual(address.parseCidr(address.formatCidr(cidr)), cidr);
    }),
  );
});

test("the figures of the source documents", () => {
  assert.equal(address.ipv4ToHex("192.168.0.128" as Ipv4), "C0A80080");
  assert.equal(address.cidrNetmask({ base: "172.16.0.0" as Ipv4, prefix: 16 }), "255.255.0.0");
  assert.equal(address.macWithDashes("00:0c:29:6d:1c:f7" as Mac), "00-0c-29-6d-1c-f7");
});

test("overlap works both ways", () => {
  const wide = { base: "10.0.0.0" as Ipv4, prefix: 8 };
  const narrow = { base: "10.1.0.0" as Ipv4, prefix: 16 };
  const other = { base: "11.0.0.0" as Ipv4, prefix: 16 };
  assert.deepEqual(
    [address.cidrsOverlap(wide, narrow), address.cidrsOverlap(narrow, wide), address.cidrsOverlap(narrow, other)],
    [true, true, false],
  );
});
