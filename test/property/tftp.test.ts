import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DecodeError } from "../../src/base/bytes.ts";
import { bytesFile } from "../../src/content/segments.ts";
import { decodeTftp, encodeTftp, type TftpPacket } from "../../src/wire/tftp-packet.ts";
import { random } from "../support/lossy-udp.ts";
import { SimulatedClient, Simulation } from "./tftp-simulation.ts";

const text = fc.string({ unit: "grapheme" }).map((value) => value.replaceAll("\0", "x"));
const name = text.filter((value) => value !== "");
const plain = { noNullPrototype: true };
const options = fc.array(fc.record({ name, value: text }, plain), { maxLength: 6 });
const word = fc.integer({ min: 0, max: 0xffff });

const packet: fc.Arbitrary<TftpPacket> = fc.oneof(
  fc.record(
    {
      kind: fc.constantFrom("read" as const, "write" as const),
      path: text,
      mode: fc.constantFrom("octet", "netascii", "mail"),
      options,
    },
    plain,
  ),
  fc.record({ kind: fc.constant("data" as const), block: word, data: fc.uint8Array({ maxLength: 600 }) }, plain),
  fc.record({ kind: fc.constant("ack" as const), block: word }, plain),
  fc.record({ kind: fc.constant("error" as const), code: word, text }, plain),
  fc.record({ kind: fc.constant("oack" as const), options }, plain),
);

test("a packet survives encoding and decoding", () => {
  fc.assert(fc.property(packet, (value) => assert.deepEqual(decodeTftp(encodeTftp(value)), value)));
});

test("any bytes decode or throw DecodeError", () => {
  const opcodes = fc.tuple(fc.integer({ min: 0, max: 7 }), fc.uint8Array({ maxLength: 80 }));
  const nearly = opcodes.map(([opcode, rest]) => Uint8Array.of(0, opcode, ...rest));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 8 }), nearly), (bytes) => {
      try {
        decodeTftp(bytes);
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error));
      }
    }),
  );
});

const share = fc.double({ min: 0, max: 0.15, noNaN: true });

test("a client gets identical bytes over a network that loses, doubles and reorders", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        blockSize: fc.integer({ min: 8, max: 3000 }),
        windowSize: fc.integer({ min: 1, max: 64 }),
        blocks: fc.integer({ min: 0, max: 60 }),
        extra: fc.nat(3000),
        seed: fc.integer(),
        eager: fc.boolean(),
        faults: fc.record({ loss: share, duplicate: share, reorder: share }),
      }),
      async ({ blockSize, windowSize, blocks, extra, seed, eager, faults }) => {
        const chance = random(seed);
        const content = Uint8Array.from({ length: blocks * blockSize + (extra % blockSize) }, () => chance() * 256);
        const file = bytesFile(content, "application/octet-stream", 0);
        const simulation = new Simulation(async () => ({ kind: "file", file }), faults, seed);
        await simulation.server.start();
        const wanted = [
          { name: "blksize", value: String(blockSize) },
          { name: "windowsize", value: String(windowSize) },
        ];
        const client = new SimulatedClient(simulation, { port: 2070, path: "f", options: wanted, eager });
        await simulation.run(() => client.done, 600_000);
        assert.ok(client.done, `not done after ${simulation.now()} ms`);
        assert.deepEqual(client.bytes, Buffer.from(content));
        await simulation.server.stop();
      },
    ),
    { numRuns: 60 },
  );
});
