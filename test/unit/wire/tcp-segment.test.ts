import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ipv4 } from "../../../src/base/address.ts";
import { DecodeError } from "../../../src/base/bytes.ts";
import { decodeTcpSegment, encodeTcpSegment, TCP_FLAG, type TcpSegment } from "../../../src/wire/tcp-segment.ts";

const ENDS = {
  from: { address: "192.168.77.1" as Ipv4, port: 80 },
  to: { address: "192.168.77.101" as Ipv4, port: 40_000 },
};

/** Hexadecimal, computed by other means (Python's struct and socket modules). */
const cases: ReadonlyArray<{ name: string; hex: string; segment: TcpSegment }> = [
  {
    name: "a bare ACK",
    hex: "450000280000400040061f19c0a84d01c0a84d6500509c40000000000000000050100001f78b0000",
    segment: { ...ENDS, sequence: 0, acknowledgement: 0, flags: TCP_FLAG.ack, window: 1, payload: new Uint8Array() },
  },
  {
    name: "three bytes, high numbers",
    hex: "4500002b0000400040061f16c0a84d01c0a84d6500509c4080000000fffffffe5018ffffb31f0000616263",
    segment: {
      ...ENDS,
      sequence: 0x8000_0000,
      acknowledgement: 0xffff_fffe,
      flags: TCP_FLAG.ack | TCP_FLAG.psh,
      window: 65_535,
      payload: new Uint8Array(Buffer.from("abc")),
    },
  },
];

for (const { name, hex, segment } of cases) {
  test(`${name}: both ways`, () => {
    assert.equal(Buffer.from(encodeTcpSegment(segment)).toString("hex"), hex);
    assert.deepEqual(decodeTcpSegment(new Uint8Array(Buffer.from(hex, "hex"))), segment);
  });
}

const ACK = Buffer.from(cases[0]?.hex ?? "", "hex");

/** The bare ACK with one byte set to something else. */
function changed(offset: number, value: number): Uint8Array {
  const bytes = Uint8Array.from(ACK);
  bytes[offset] = value;
  return bytes;
}

const broken: ReadonlyArray<{ name: string; bytes: Uint8Array }> = [
  { name: "nothing", bytes: new Uint8Array() },
  { name: "IPv6", bytes: changed(0, 0x65) },
  { name: "a short header length", bytes: changed(0, 0x44) },
  { name: "a packet cut short", bytes: ACK.subarray(0, 39) },
  { name: "a length that leaves no TCP header", bytes: changed(3, 30) },
  { name: "a fragment", bytes: changed(7, 1) },
  { name: "UDP", bytes: changed(9, 17) },
  { name: "a wrong header checksum", bytes: changed(10, 0) },
  { name: "a wrong TCP checksum", bytes: changed(36, 0) },
  { name: "a changed sequence number", bytes: changed(24, 1) },
];

for (const { name, bytes } of broken) {
  test(`refuses ${name}`, () => assert.throws(() => decodeTcpSegment(bytes), DecodeError));
}

test("padding of the link layer is no payload", () => {
  assert.equal(decodeTcpSegment(Buffer.concat([ACK, Buffer.alloc(6)])).payload.length, 0);
});
