import assert from "node:assert/strict";
import { test } from "node:test";
import { placeAck } from "../../../src/server/tftp/handover.ts";
import { sessionOf } from "./peers/messages.ts";

const SHORT = { blockSize: 512, size: 65_534 * 512 };
const LONG = { blockSize: 512, size: 200_000 * 512 };

const cases: ReadonlyArray<{
  name: string;
  about: Parameters<typeof sessionOf>[1];
  untold?: number;
  ack: number;
  block: number | undefined;
}> = [
  { name: "a file of at most 65,535 blocks: the number says it all", about: SHORT, ack: 40_000, block: 40_000 },
  { name: "the same, however long ago", about: SHORT, untold: 1e6, ack: 40_000, block: 40_000 },
  { name: "its last block", about: SHORT, ack: 65_535, block: 65_535 },
  { name: "the acknowledged OACK", about: SHORT, ack: 0, block: 0 },
  { name: "past the end of a file", about: { blockSize: 512, size: 1024 }, ack: 4, block: undefined },
  { name: "a long file: on from the last position", about: { ...LONG, acked: 65_000 }, ack: 100, block: 65_636 },
  { name: "at the last position", about: { ...LONG, acked: 70_000 }, ack: 70_000 & 0xffff, block: 70_000 },
  { name: "behind the last position", about: { ...LONG, acked: 70_000 }, ack: 69_999 & 0xffff, block: undefined },
  { name: "past the end of a long file", about: { ...LONG, acked: 200_000 }, ack: 200_002 & 0xffff, block: undefined },
  { name: "untold for a second", about: LONG, untold: 1000, ack: 5, block: 5 },
  { name: "untold for so long that it may have wrapped", about: LONG, untold: 2100, ack: 5, block: undefined },
  {
    name: "untold for a second at a great pace",
    about: { ...LONG, pace: 17_000 },
    untold: 1000,
    ack: 5,
    block: undefined,
  },
];
for (const { name, about, untold = 0, ack, block } of cases) {
  test(`${name}: block ${block ?? "not known"}`, () => {
    assert.equal(placeAck({ session: sessionOf(2070, about), untold }, ack), block);
  });
}
