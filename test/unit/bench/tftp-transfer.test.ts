import assert from "node:assert/strict";
import { test } from "node:test";
import { type Download, isNext, newDownload, takeData } from "../../../bench/tftp/transfer.ts";

function download(windowSize: number, blockSize = 10): Download {
  return { ...newDownload(), windowSize, blockSize };
}

/** What it acknowledges for each of these blocks, full ones, `undefined` = nothing. */
function answers(to: Download, blocks: readonly number[]): Array<number | undefined> {
  return blocks.map((block) => (takeData(to, block & 0xffff, to.blockSize) ? to.expected - 1 : undefined));
}

const cases = [
  { name: "single blocks are each acknowledged", window: 1, blocks: [1, 2, 3], said: [1, 2, 3] },
  { name: "a block that comes again is acknowledged again", window: 1, blocks: [1, 1, 2], said: [1, 1, 2] },
  { name: "an older one too, once", window: 1, blocks: [1, 2, 3, 1, 2], said: [1, 2, 3, 3, undefined] },
  {
    name: "a window is acknowledged at its end",
    window: 3,
    blocks: [1, 2, 3, 4],
    said: [undefined, undefined, 3, undefined],
  },
  {
    name: "a gap is told once, and the window counts anew behind it",
    window: 4,
    blocks: [1, 3, 4, 2, 3, 4, 5],
    said: [undefined, 1, undefined, undefined, undefined, undefined, 5],
  },
  {
    name: "the same block lost again is told again",
    window: 4,
    blocks: [1, 3, 4, 5, 3, 4],
    said: [undefined, 1, undefined, undefined, 1, undefined],
  },
  {
    name: "a whole window again: its answer was lost",
    window: 2,
    blocks: [1, 2, 1, 2],
    said: [undefined, 2, 2, undefined],
  },
];
for (const { name, window, blocks, said } of cases) {
  test(name, () => assert.deepEqual(answers(download(window), blocks), said));
}

test("the short block ends it, acknowledged wherever the window is", () => {
  const short = download(8);
  assert.equal(takeData(short, 1, 10), false);
  assert.ok(isNext(short, 2));
  assert.equal(takeData(short, 2, 0), true);
  assert.deepEqual([short.done, short.bytes], [true, 10]);
});

test("block numbers wrap", () => {
  const long = download(1);
  for (let block = 1; block <= 70_000; block++) assert.equal(takeData(long, block & 0xffff, 10), true);
  assert.equal(long.bytes, 700_000);
});
