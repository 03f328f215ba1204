import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bytesFile } from "../../../src/content/segments.ts";
import { datagramsOf } from "../../../src/net/burst.ts";
import { BlockReader } from "../../../src/server/tftp/blocks.ts";
import { SharedBodies } from "../../../src/server/tftp/shared-body.ts";
import { decodeTftp } from "../../../src/wire/tftp-packet.ts";
import { random } from "../../support/lossy-udp.ts";

const chance = random(7);
const CONTENT = Buffer.from(Uint8Array.from({ length: 1_300_000 }, () => chance() * 256));

/** All blocks from `first` to `last`, as the packets' bytes. */
async function blocks(reader: BlockReader, first: number, last: number): Promise<Uint8Array[]> {
  const packets: Uint8Array[] = [];
  for (let next = first; next <= last; ) {
    const run = reader.loaded(next, last);
    if (run === undefined) {
      await reader.load(next);
      continue;
    }
    packets.push(...datagramsOf(run));
    assert.ok(run.last >= next && run.last <= last);
    next = run.last + 1;
  }
  return packets;
}

test("each run of blocks has the bytes of the file, wherever a piece ends", async () => {
  const bodies = new SharedBodies();
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        blockSize: fc.oneof(fc.integer({ min: 8, max: 3000 }), fc.constantFrom(512, 1024, 1428, 65464)),
        windowSize: fc.integer({ min: 1, max: 64 }),
        size: fc.oneof(fc.nat(CONTENT.length), fc.constantFrom(0, 512 << 10, 1 << 20)),
        place: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      async ({ blockSize, windowSize, size, place }) => {
        const content = CONTENT.subarray(0, size);
        const body = await bodies.take(bytesFile(content, "", 0), "octet");
        const reader = new BlockReader(body, blockSize, windowSize);
        const lastBlock = Math.floor(size / blockSize) + 1;
        const first = Math.min(lastBlock, 1 + Math.floor(place * lastBlock));
        const last = Math.min(first + windowSize - 1, lastBlock);
        for (const [index, packet] of (await blocks(reader, first, last)).entries()) {
          const block = first + index;
          const data = new Uint8Array(content.subarray((block - 1) * blockSize, block * blockSize));
          assert.deepEqual(decodeTftp(packet), { kind: "data", block: block & 0xffff, data });
        }
        await body.close();
      },
    ),
    { numRuns: 200 },
  );
});

test("the piece after is read while the second half of one is sent", async () => {
  const body = await new SharedBodies().take(bytesFile(CONTENT, "", 0), "octet");
  const reader = new BlockReader(body, 1024, 16);
  await reader.load(1);
  reader.loaded(1, 16);
  await new Promise(setImmediate);
  assert.equal(body.loaded(1), undefined);
  reader.loaded(400, 416);
  await new Promise(setImmediate);
  assert.ok(body.loaded(1));
  await body.close();
});
