import assert from "node:assert/strict";
import { test } from "node:test";
import { DecodeError } from "../../../src/base/bytes.ts";
import { decodeTftp, encodeTftp, type TftpPacket } from "../../../src/wire/tftp-packet.ts";

/** `|` stands for NUL. */
function bytes(opcode: number, rest: string): Uint8Array {
  return Buffer.concat([Uint8Array.of(0, opcode), Buffer.from(rest.replaceAll("|", "\0"), "latin1")]);
}

const cases: ReadonlyArray<{ name: string; bytes: Uint8Array; packet: TftpPacket }> = [
  {
    name: "iPXE's read request",
    bytes: bytes(1, "undionly.kpxe|octet|blksize|1432|tsize|0|"),
    packet: {
      kind: "read",
      path: "undionly.kpxe",
      mode: "octet",
      options: [
        { name: "blksize", value: "1432" },
        { name: "tsize", value: "0" },
      ],
    },
  },
  {
    name: "a write request",
    bytes: bytes(2, "f|octet|"),
    packet: { kind: "write", path: "f", mode: "octet", options: [] },
  },
  {
    name: "data",
    bytes: Uint8Array.of(0, 3, 0xff, 0xff, 7, 8),
    packet: { kind: "data", block: 65535, data: Uint8Array.of(7, 8) },
  },
  {
    name: "an empty block",
    bytes: Uint8Array.of(0, 3, 0, 1),
    packet: { kind: "data", block: 1, data: new Uint8Array() },
  },
  { name: "an ACK", bytes: Uint8Array.of(0, 4, 1, 2), packet: { kind: "ack", block: 258 } },
  {
    name: "an error",
    bytes: bytes(5, "|\u0001no such file|"),
    packet: { kind: "error", code: 1, text: "no such file" },
  },
  {
    name: "an OACK",
    bytes: bytes(6, "tsize|42|"),
    packet: { kind: "oack", options: [{ name: "tsize", value: "42" }] },
  },
];

for (const { name, bytes, packet } of cases) {
  test(`${name}: both ways`, () => {
    assert.deepEqual(decodeTftp(bytes), packet);
    assert.deepEqual(Buffer.from(encodeTftp(packet)), Buffer.from(bytes));
  });
}

const lenient: ReadonlyArray<{ name: string; bytes: Uint8Array; packet: TftpPacket }> = [
  {
    name: "the mode in capitals",
    bytes: bytes(1, "f|NetASCII|"),
    packet: { kind: "read", path: "f", mode: "netascii", options: [] },
  },
  {
    name: "a request padded with zeros",
    bytes: bytes(1, "f|octet|tsize|0||||"),
    packet: { kind: "read", path: "f", mode: "octet", options: [{ name: "tsize", value: "0" }] },
  },
  { name: "an error without text", bytes: bytes(5, "|\u0008"), packet: { kind: "error", code: 8, text: "" } },
  { name: "an error text without NUL", bytes: bytes(5, "||stop"), packet: { kind: "error", code: 0, text: "stop" } },
  { name: "an ACK with bytes after it", bytes: Uint8Array.of(0, 4, 0, 1, 0, 0), packet: { kind: "ack", block: 1 } },
];

for (const { name, bytes, packet } of lenient) {
  test(`takes ${name}`, () => assert.deepEqual(decodeTftp(bytes), packet));
}

const broken: ReadonlyArray<{ name: string; bytes: Uint8Array; offset: number }> = [
  { name: "nothing", bytes: new Uint8Array(), offset: 0 },
  { name: "opcode 0", bytes: Uint8Array.of(0, 0), offset: 0 },
  { name: "opcode 7", bytes: Uint8Array.of(0, 7, 0, 0), offset: 0 },
  { name: "a path without an end", bytes: bytes(1, "file"), offset: 2 },
  { name: "no mode", bytes: bytes(1, "f|"), offset: 4 },
  { name: "an option without a value", bytes: bytes(1, "f|octet|tsize|"), offset: 16 },
  { name: "an option value without an end", bytes: bytes(6, "tsize|1"), offset: 8 },
  { name: "half a block number", bytes: Uint8Array.of(0, 4, 0), offset: 2 },
  { name: "an error without a code", bytes: Uint8Array.of(0, 5), offset: 2 },
];

for (const { name, bytes, offset } of broken) {
  test(`refuses ${name}`, () => {
    assert.throws(
      () => decodeTftp(bytes),
      (error) => error instanceof DecodeError && error.offset === offset,
    );
  });
}
