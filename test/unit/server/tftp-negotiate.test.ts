import assert from "node:assert/strict";
import { test } from "node:test";
import { negotiate, type Terms } from "../../../src/server/tftp/negotiate.ts";
import type { TftpOption } from "../../../src/wire/tftp-packet.ts";

/** `blksize 1432, tsize 0` */
function options(text: string): TftpOption[] {
  return text.split(", ").flatMap((pair) => {
    const [name = "", value = ""] = pair.split(" ");
    return name === "" ? [] : [{ name, value }];
  });
}

function printed({ accepted }: Terms): string {
  return accepted.map(({ name, value }) => `${name} ${value}`).join(", ");
}

const SIZE = 70_000;
const cases = [
  { name: "no options", asked: "", accepted: "", blockSize: 512, windowSize: 1 },
  {
    name: "iPXE",
    asked: "blksize 1432, tsize 0",
    accepted: "blksize 1432, tsize 70000",
    blockSize: 1432,
    windowSize: 1,
  },
  {
    name: "EDK II",
    asked: "tsize 0, blksize 1468, windowsize 4",
    accepted: "tsize 70000, blksize 1468, windowsize 4",
    blockSize: 1468,
    windowSize: 4,
  },
  {
    name: "U-Boot, with its timeout",
    asked: "timeout 5, tsize 0, blksize 1468",
    accepted: "timeout 5, tsize 70000, blksize 1468",
    blockSize: 1468,
    windowSize: 1,
    timeout: 5,
  },
  {
    name: "an unknown option is left out",
    asked: "multicast x, tsize 0",
    accepted: "tsize 70000",
    blockSize: 512,
    windowSize: 1,
  },
  {
    name: "names that objects inherit",
    asked: "constructor 1, __proto__ 1",
    accepted: "",
    blockSize: 512,
    windowSize: 1,
  },
  { name: "a name in capitals is answered so", asked: "BLKSIZE 8", accepted: "BLKSIZE 8", blockSize: 8, windowSize: 1 },
  { name: "the largest block", asked: "blksize 65464", accepted: "blksize 65464", blockSize: 65464, windowSize: 1 },
  { name: "too small a block", asked: "blksize 7", accepted: "", blockSize: 512, windowSize: 1 },
  { name: "too large a block", asked: "blksize 65465", accepted: "", blockSize: 512, windowSize: 1 },
  { name: "no number", asked: "blksize 1e3, timeout -1, tsize ", accepted: "", blockSize: 512, windowSize: 1 },
  { name: "timeout 0", asked: "timeout 0", accepted: "", blockSize: 512, windowSize: 1 },
  { name: "timeout 255", asked: "timeout 255", accepted: "timeout 255", blockSize: 512, windowSize: 1, timeout: 255 },
  { name: "timeout 256", asked: "timeout 256", accepted: "", blockSize: 512, windowSize: 1 },
  { name: "window 0", asked: "windowsize 0", accepted: "", blockSize: 512, windowSize: 1 },
  {
    name: "a huge window is answered with a smaller one",
    asked: "windowsize 65535",
    accepted: "windowsize 64",
    blockSize: 512,
    windowSize: 64,
  },
  {
    name: "a window of large blocks is cut to what a socket buffer takes",
    asked: "windowsize 16, blksize 65464",
    accepted: "windowsize 2, blksize 65464",
    blockSize: 65464,
    windowSize: 2,
  },
  {
    name: "the first of two counts",
    asked: "blksize 8, blksize 9",
    accepted: "blksize 8",
    blockSize: 8,
    windowSize: 1,
  },
  {
    name: "a good one after a bad one counts",
    asked: "blksize 7, blksize 9",
    accepted: "blksize 9",
    blockSize: 9,
    windowSize: 1,
  },
];

for (const { name, asked, accepted, ...expected } of cases) {
  test(name, () => {
    const { accepted: _, ...terms } = negotiate(options(asked), SIZE);
    assert.equal(printed(negotiate(options(asked), SIZE)), accepted);
    assert.deepEqual(terms, expected);
  });
}
