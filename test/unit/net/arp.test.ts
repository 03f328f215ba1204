import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseArp } from "../../../src/net/arp.ts";
import { neighbours, parseNeighbours } from "../../../src/net/neighbours.ts";

/** RFC 826: a request of 10.77.0.2 for its own address, as VRRP routers announce it. */
const GRATUITOUS = Buffer.from("00010800060400015254007700020a4d0002ffffffffffff0a4d0002", "hex");

test("an ARP packet tells who has which address", () => {
  assert.deepEqual(parseArp(GRATUITOUS), { mac: "52:54:00:77:00:02", address: "10.77.0.2" });
  assert.deepEqual(parseArp(Buffer.concat([GRATUITOUS, Buffer.alloc(18)])), parseArp(GRATUITOUS));
});

test("a probe, another protocol and a packet that is cut off tell nothing", () => {
  const probe = Buffer.from(GRATUITOUS);
  probe.fill(0, 14, 18);
  const ipv6 = Buffer.from(GRATUITOUS);
  ipv6.writeUInt16BE(0x86dd, 2);
  for (const packet of [probe, ipv6, GRATUITOUS.subarray(0, 27)]) assert.equal(parseArp(packet), undefined);
});

test("no bytes break it", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => parseArp(bytes) !== null));
});

test("the kernel's table of neighbours is read", () => {
  const table = `IP address       HW type     Flags       HW address            Mask     Device
192.0.2.1        0x1         0x2         02:fc:00:00:00:05     *        eth0
192.0.2.7        0x1         0x0         00:00:00:00:00:00     *        eth0
`;
  assert.deepEqual([...parseNeighbours(table)], [["192.0.2.1", "02:fc:00:00:00:05"]]);
  assert.equal(neighbours("/nonexistent").size, 0);
});
