import assert from "node:assert/strict";
import { test } from "node:test";
import {
  startTransfer,
  step,
  type TransferAction,
  type TransferEvent,
  type TransferState,
} from "../../../src/server/tftp/transfer.ts";

const OACK = [{ name: "x", value: "1" }];
const IGNORE = "ignore";

/** `3-5` for a window sent, else the kind; a wait is `wait 10`. */
function printed(action: TransferAction): string {
  if (action.kind === "send") return `${action.first}-${action.last}`;
  return action.kind === "wait" ? `wait ${action.wait}` : action.kind;
}

class Run {
  state: TransferState;
  readonly first: string;
  wait = 0;
  constructor(about: { blocks: number; window?: number; oack?: boolean; timeout?: number }) {
    const { blocks, window = 1, oack = window > 1, timeout } = about;
    const accepted = oack ? OACK : [];
    const terms = { blockSize: 8, windowSize: window, accepted, ...(timeout !== undefined && { timeout }) };
    const { state, action } = startTransfer(terms, (blocks - 1) * 8, 1000);
    this.state = state;
    this.first = this.note(action);
  }

  ack(block: number, at = 1000): string {
    return this.event({ kind: "ack", block, at });
  }

  timeout(at = 1000): string {
    return this.event({ kind: "timeout", at });
  }

  event(event: TransferEvent): string {
    const { state, action } = step(this.state, event);
    this.state = state;
    return this.note(action);
  }

  private note(action: TransferAction): string {
    if (action.kind === "send") this.wait = action.wait;
    return printed(action);
  }
}

test("without options the first block answers the request", () => {
  const run = new Run({ blocks: 3 });
  assert.equal(run.first, "1-1");
  assert.deepEqual([run.ack(1), run.ack(2), run.ack(3)], ["2-2", "3-3", "done"]);
});

test("with options the OACK goes first, as block 0", () => {
  const run = new Run({ blocks: 2, oack: true });
  assert.equal(run.first, "0-0");
  assert.deepEqual([run.ack(0), run.ack(1), run.ack(2)], ["1-1", "2-2", "done"]);
});

const sizes = [
  { size: 0, lastBlock: 1 },
  { size: 511, lastBlock: 1 },
  { size: 512, lastBlock: 2 },
  { size: 513, lastBlock: 2 },
  { size: 1024, lastBlock: 3 },
];
for (const { size, lastBlock } of sizes) {
  test(`a file of ${size} bytes ends with block ${lastBlock}, which is short`, () => {
    assert.equal(startTransfer({ blockSize: 512, windowSize: 1, accepted: [] }, size, 0).state.lastBlock, lastBlock);
  });
}

test("a duplicate ACK never makes a block go out again (Sorcerer's Apprentice)", () => {
  const run = new Run({ blocks: 9 });
  assert.deepEqual(
    [run.ack(1), run.ack(1), run.ack(0), run.ack(2), run.ack(1)],
    ["2-2", IGNORE, IGNORE, "3-3", IGNORE],
  );
});

test("an ACK of a block that was never sent is ignored", () => {
  const run = new Run({ blocks: 9 });
  assert.deepEqual([run.ack(2), run.ack(65535), run.ack(300)], [IGNORE, IGNORE, IGNORE]);
});

test("block numbers wrap from 65535 to 0, one by one", () => {
  const run = new Run({ blocks: 140_000 });
  for (let block = 1; block < 140_000; block++) run.ack(block & 0xffff);
  assert.equal(run.state.acked, 139_999);
  assert.equal(run.ack(140_000 & 0xffff), "done");
});

test("block numbers wrap in the middle of a window", () => {
  const run = new Run({ blocks: 70_000, window: 10 });
  run.ack(0);
  for (let block = 10; block <= 65_530; block += 10) run.ack(block);
  assert.equal(run.ack(65_540 & 0xffff), "65541-65550");
  assert.equal(run.ack(65_535), IGNORE);
  assert.equal(run.ack(65_545 & 0xffff), "65546-65555");
});

test("a window goes out when the one before has arrived", () => {
  const run = new Run({ blocks: 10, window: 4 });
  assert.deepEqual([run.first, run.ack(0), run.ack(4), run.ack(8), run.ack(10)], ["0-0", "1-4", "5-8", "9-10", "done"]);
});

test("an ACK inside the window starts the window anew after it at once (RFC 7440), once for the same block", () => {
  const run = new Run({ blocks: 20, window: 4 });
  run.ack(0, 1002);
  assert.deepEqual(
    [run.ack(2, 1004), run.ack(2, 1004), run.ack(2, 1009), run.ack(6, 1009)],
    ["3-6", IGNORE, IGNORE, "7-10"],
  );
});

test("a block that is lost again in the window that began anew is told by another ACK", () => {
  const run = new Run({ blocks: 30, window: 8 });
  run.ack(0, 1002);
  assert.deepEqual(
    [run.ack(2, 1004), run.ack(5, 1006), run.ack(5, 1006), run.ack(13, 1008)],
    ["3-10", "6-13", IGNORE, "14-21"],
  );
});

test("the loss of a window's first block shows by a repeated ACK, which counts once", () => {
  const run = new Run({ blocks: 20, window: 4 });
  run.ack(0, 1002);
  run.ack(4, 1004);
  assert.deepEqual([run.ack(4, 1006), run.ack(4, 1008), run.ack(4, 1030)], ["5-8", IGNORE, IGNORE]);
  assert.deepEqual([run.timeout(1040), run.ack(8, 1042)], ["5-8", "9-12"]);
});

test("an ACK that comes again too soon to be an answer was doubled: from then on gaps are left to fill", () => {
  const run = new Run({ blocks: 40, window: 4 });
  run.ack(0, 1002);
  assert.equal(run.ack(0, 1002.1), IGNORE);
  assert.deepEqual([run.ack(1, 1004), run.ack(2, 1004), run.ack(4, 1004)], ["wait 10", IGNORE, "5-8"]);
  assert.deepEqual([run.ack(6, 1006), run.timeout(1016)], ["wait 10", "7-10"]);
});

test("blocks that were late, not lost, show by an ACK that is no answer to the repetition: gaps are left to fill", () => {
  const run = new Run({ blocks: 40, window: 8 });
  run.ack(0, 1002);
  assert.deepEqual([run.ack(2, 1004), run.ack(5, 1004.2)], ["3-10", IGNORE]);
  assert.deepEqual([run.ack(10, 1006), run.ack(12, 1008)], ["11-18", "wait 10"]);
});

test("where no answer came to a first sending, a gap is left to fill", () => {
  const run = new Run({ blocks: 20, window: 4 });
  run.timeout(1250);
  assert.deepEqual([run.ack(0, 1260), run.ack(2, 1262), run.timeout(1272)], ["1-4", "wait 10", "3-6"]);
});

test("what the client says to blocks that it has already makes nothing go out again", () => {
  const run = new Run({ blocks: 60, window: 4 });
  run.ack(0, 1002);
  // Sent again though nothing was lost: the answer was late.
  assert.equal(run.timeout(1022), "1-4");
  assert.equal(run.ack(4, 1023), "5-8");
  // Of the repetition: atftp says again what it has.
  assert.deepEqual([run.ack(4, 1025), run.ack(8, 1025)], ["wait 10", "9-12"]);
  assert.deepEqual([run.ack(12, 1027), run.ack(12, 1029)], ["13-16", "13-16"]);
});

test("a gap is left two round trips to fill", () => {
  const run = new Run({ blocks: 20, window: 4 });
  run.ack(0, 1040);
  run.ack(0, 1041);
  assert.equal(run.ack(2, 1080), "wait 80");
});

test("a loss that shows by a gap makes it as quick again as the network is", () => {
  const run = new Run({ blocks: 50, window: 4 });
  run.ack(0, 1002);
  run.timeout(1022);
  run.ack(4, 1024);
  assert.equal(run.wait, 40);
  run.ack(6, 1027);
  assert.equal(run.wait, 20);
});

test("with single blocks an ACK that comes again is never answered, however late", () => {
  const run = new Run({ blocks: 9 });
  run.ack(1, 1002);
  assert.deepEqual([run.ack(1, 1002.1), run.ack(1, 1010)], [IGNORE, IGNORE]);
});

function silence(run: Run): number[] {
  const waits = [run.wait];
  while (run.timeout().includes("-")) waits.push(run.wait);
  return waits;
}

test("silence: the same again, ever more slowly, for half a minute", () => {
  assert.deepEqual(silence(new Run({ blocks: 5 })), [250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
});

test("silence after an answer: once more first, after what the network needs", () => {
  const fast = new Run({ blocks: 5 });
  fast.ack(1, 1002);
  assert.deepEqual(silence(fast), [20, 210, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
  const slow = new Run({ blocks: 5 });
  slow.ack(1, 1400);
  assert.deepEqual(silence(slow), [250, 250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
});

test("a client that needs longer than the network is soon given longer", () => {
  const run = new Run({ blocks: 50, window: 2 });
  run.ack(0, 1001);
  const asked: number[] = [];
  for (let block = 2, now = 1001; block < 20; block += 2, now += 100) {
    let due = now + run.wait;
    let repeated = 0;
    for (; due < now + 100; due += run.wait, repeated++) run.timeout(due);
    asked.push(repeated);
    run.ack(block, now + 100);
  }
  assert.deepEqual(asked, [1, 1, 1, 0, 0, 0, 0, 0, 0]);
});

test("progress makes it patient again", () => {
  const run = new Run({ blocks: 5 });
  for (let turn = 0; turn < 7; turn++) run.timeout();
  assert.deepEqual([run.ack(1), run.wait], ["2-2", 250]);
});

test("a lost OACK goes out again", () => {
  const run = new Run({ blocks: 5, window: 4 });
  assert.deepEqual([run.timeout(), run.ack(0)], ["0-0", "1-4"]);
});

const agreed = [
  { timeout: 1, sendings: 32 },
  { timeout: 5, sendings: 7 },
  { timeout: 255, sendings: 4 },
];
for (const { timeout, sendings } of agreed) {
  test(`timeout ${timeout} is kept exactly, ${sendings} times`, () => {
    const run = new Run({ blocks: 5, oack: true, timeout });
    let count = 0;
    do {
      assert.equal(run.wait, timeout * 1000);
      count++;
    } while (run.timeout() === "0-0");
    assert.equal(count, sendings);
  });
}

test("a request that comes again is answered again as long as nothing was acknowledged", () => {
  const request = { kind: "request", at: 1000 } as const;
  const plain = new Run({ blocks: 5 });
  assert.deepEqual([plain.event(request), plain.ack(1), plain.event(request)], ["1-1", "2-2", IGNORE]);
  const oack = new Run({ blocks: 5, oack: true });
  assert.deepEqual([oack.event(request), oack.ack(0), oack.event(request)], ["0-0", "1-1", IGNORE]);
});
