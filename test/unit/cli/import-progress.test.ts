import assert from "node:assert/strict";
import { test } from "node:test";
import { createProgressTeller, progressBar, progressLine } from "../../../src/cli/import-progress.ts";
import { createFakeClock } from "../../support/fake-clock.ts";

const half = { step: "take", done: 512 * 1024, total: 1024 * 1024, unit: "bytes" } as const;

test("progress in words and as a bar", () => {
  assert.equal(progressLine(half), "taking in: 512.0 KiB of 1.0 MiB");
  assert.equal(progressLine({ step: "unpack", done: 1, total: 20, unit: "files" }), "unpacking: 1 of 20 files");
  assert.equal(progressLine({ step: "download", done: 2048, unit: "bytes" }), "downloading: 2.0 KiB");
  const bar = `[${"#".repeat(14)}${".".repeat(14)}] 50 %  taking in: 512.0 KiB of 1.0 MiB`;
  assert.equal(progressBar(half, 100), bar);
  assert.equal(progressBar(half, 40), bar.slice(0, 39));
  assert.equal(progressBar({ step: "download", done: 2048, unit: "bytes" }, 80), "downloading: 2.0 KiB");
});

function tellerOn(terminal: boolean) {
  const clock = createFakeClock();
  const [lines, drawn]: [string[], string[]] = [[], []];
  const io = { err: (line: string) => void lines.push(line), write: (text: string) => void drawn.push(text) };
  const teller = createProgressTeller({ ...io, terminal, columns: 60 }, clock);
  const tellAll = () => {
    for (let time = 0; time < 5_000; time += 50) {
      clock.advance(50);
      teller.tell(half);
    }
    teller.end();
  };
  return { tellAll, lines, drawn };
}

test("a line every two seconds where there is no terminal", () => {
  const { tellAll, lines, drawn } = tellerOn(false);
  tellAll();
  assert.deepEqual([lines.length, drawn.length], [2, 0]);
});

test("a bar that is drawn again in its place on a terminal, and cleared", () => {
  const { tellAll, lines, drawn } = tellerOn(true);
  tellAll();
  assert.equal(lines.length, 0);
  assert.equal(drawn.length, 51);
  assert.ok(drawn[0]?.startsWith(`\r\u001b[K[${"#".repeat(14)}`), drawn[0]);
  assert.equal(drawn.at(-1), "\r\u001b[K");
});
