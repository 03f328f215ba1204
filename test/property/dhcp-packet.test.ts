import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Ipv4, ipv4FromNumber } from "../../src/base/address.ts";
import { DecodeError } from "../../src/base/bytes.ts";
import { describeDhcp } from "../../src/wire/dhcp-describe.ts";
import { OPTION } from "../../src/wire/dhcp-options.ts";
import { type DhcpPacket, decodeDhcp, encodeDhcp } from "../../src/wire/dhcp-packet.ts";

const address: fc.Arbitrary<Ipv4> = fc.integer({ min: 0, max: 0xffffffff }).map(ipv4FromNumber);
const bytes = (maxLength: number, minLength = 0) => fc.uint8Array({ minLength, maxLength });
const fieldText = (maxLength: number) =>
  fc.array(fc.integer({ min: 1, max: 255 }), { maxLength }).map((codes) => String.fromCharCode(...codes));
const optionCode = fc.integer({ min: 1, max: 254 }).filter((code) => code !== OPTION.overload);

const packet: fc.Arbitrary<DhcpPacket> = fc.record(
  {
    op: fc.constantFrom("request" as const, "reply" as const),
    htype: fc.nat(255),
    hlen: fc.nat(16),
    hops: fc.nat(255),
    xid: fc.integer({ min: 0, max: 0xffffffff }),
    secs: fc.nat(0xffff),
    flags: fc.nat(0xffff),
    ciaddr: address,
    yiaddr: address,
    siaddr: address,
    giaddr: address,
    chaddr: bytes(16, 16),
    sname: fieldText(64),
    file: fieldText(128),
    options: fc
      .array(fc.tuple(optionCode, fc.oneof({ weight: 4, arbitrary: bytes(40) }, bytes(600, 250))), { maxLength: 12 })
      .map((rows) => new Map(rows)),
  },
  { noNullPrototype: true },
);

/** A packet whose fixed part is sound, so that the options are reached. */
const almostPacket = fc
  .tuple(packet, bytes(300), fc.constantFrom(0, 1, 2, 3))
  .map(([value, tail, overload]) =>
    Uint8Array.from([...encodeDhcp({ ...value, options: new Map() }).subarray(0, 240), 52, 1, overload, ...tail]),
  );

test("decode(encode(x)) is x", () => {
  fc.assert(fc.property(packet, (value) => assert.deepEqual(decodeDhcp(encodeDhcp(value)), value)));
});

test("encoding ends with the end mark, is at least 300 bytes long, and the same whatever the order of the map", () => {
  fc.assert(
    fc.property(packet, (value) => {
      const encoded = encodeDhcp(value);
      const reversed = encodeDhcp({ ...value, options: new Map([...value.options].reverse()) });
      assert.deepEqual(encoded, reversed);
      assert.ok(encoded.length >= 300);
      assert.ok(encoded.subarray(240).includes(255));
    }),
  );
});

test("decoding throws nothing but DecodeError, and what decodes also encodes and describes", () => {
  fc.assert(
    fc.property(fc.oneof(bytes(700), almostPacket), (input) => {
      const decoded = decodedOrUndefined(input);
      if (!decoded) return;
      const encoded = encodeDhcp(decoded);
      assert.deepEqual(decodeDhcp(encoded), decoded);
      assert.deepEqual(encodeDhcp(decodeDhcp(encoded)), encoded);
      assert.match(describeDhcp(decoded), /^[\x20-\x7e\u00a0-\uffff]+$/);
    }),
    { numRuns: 500 },
  );
});

function decodedOrUndefined(input: Uint8Array): DhcpPacket | undefined {
  try {
    return decodeDhcp(input);
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error));
    return undefined;
  }
}
