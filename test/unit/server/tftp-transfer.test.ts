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

  timeout(): string {
    return this.event({ kind: "timeout" });
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
  assert.equal(run.ack(65_545 & 0xffff), "wait 10");
  assert.equal(run.timeout(), "65546-65555");
});

test("a window goes out when the one before has arrived", () => {
  const run = new Run({ blocks: 10, window: 4 });
  assert.deepEqual([run.first, run.ack(0), run.ack(4), run.ack(8), run.ack(10)], ["0-0", "1-4", "5-8", "9-10", "done"]);
});

test("an ACK inside the window starts the window anew after it, once the gap had time to fill (RFC 7440)", () => {
  const run = new Run({ blocks: 20, window: 4 });
  run.ack(0);
  assert.deepEqual([run.ack(2), run.ack(2), run.timeout(), run.ack(6)], ["wait 10", IGNORE, "3-6", "7-10"]);
});

test("a gap that fills by itself costs nothing", () => {
  const run = new Run({ blocks: 20, window: 4 });
  run.ack(0);
  assert.deepEqual([run.ack(1), run.ack(2), run.ack(4)], ["wait 10", IGNORE, "5-8"]);
});

test("the loss of a window's first block shows by a repeated ACK, which counts once", () => {
  const run = new Run({ blocks: 20, window: 4 });
  run.ack(0);
  run.ack(4);
  assert.deepEqual([run.ack(4), run.timeout(), run.ack(4), run.ack(4)], ["wait 10", "5-8", IGNORE, IGNORE]);
  assert.equal(run.wait, 250);
  assert.deepEqual([run.timeout(), run.wait], ["5-8", 500]);
});

test("a gap is left two round trips of the OACK to fill", () => {
  const slow = new Run({ blocks: 20, window: 4 });
  slow.ack(0, 1040);
  assert.equal(slow.ack(2), "wait 80");
  const lost = new Run({ blocks: 20, window: 4 });
  lost.ack(0, 9000);
  assert.equal(lost.ack(2), "wait 1000");
});

test("silence: the same again, ever more slowly, for half a minute", () => {
  const run = new Run({ blocks: 5 });
  run.ack(1);
  const waits = [run.wait];
  for (let turn = 0; turn < 7; turn++) {
    assert.equal(run.timeout(), "2-2");
    waits.push(run.wait);
  }
  assert.equal(run.timeout(), "fail");
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
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
  const request = { kind: "request" } as const;
  const plain = new Run({ blocks: 5 });
  assert.deepEqual([plain.event(request), plain.ack(1), plain.event(request)], ["1-1", "2-2", IGNORE]);
  const oack = new Run({ blocks: 5, oack: true });
  assert.deepEqual([oack.event(request), oack.ack(0), oack.event(request)], ["0-0", "1-1", IGNORE]);
});
