import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";

const CLEANUP = new URL("../../../lab/cleanup.ts", import.meta.url).href;

/** Runs a program that adds two clean-ups; resolves with what it printed and how it ended. */
async function run(body: string, signal?: NodeJS.Signals) {
  const program = `
    import { addCleanup } from ${JSON.stringify(CLEANUP)};
    import { writeSync } from "node:fs";
    const say = (text) => writeSync(1, text + "\\n");
    const forget = addCleanup(() => say("first"));
    addCleanup(() => say("second"));
    ${body}
    say("up");`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    if (signal && text.includes("up")) child.kill(signal);
    printed += text;
  });
  const [code, endedBy] = await once(child, "close");
  return { lines: printed.trim().split("\n"), code, endedBy };
}

test("clean-ups run at the end, the last added one first", async () => {
  assert.deepEqual(await run(""), { lines: ["up", "second", "first"], code: 0, endedBy: null });
});

test("what was forgotten is not run", async () => {
  assert.deepEqual((await run("forget();")).lines, ["up", "second"]);
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  test(`${signal} runs them and still ends the process`, async () => {
    const ended = await run("setInterval(() => undefined, 1000);", signal);
    assert.deepEqual(ended, { lines: ["up", "second", "first"], code: null, endedBy: signal });
  });
}

test("a program with a handler of its own ends in its own time", async () => {
  const ended = await run(
    "const keep = setInterval(() => undefined, 1000); process.on('SIGTERM', () => { say('own'); clearInterval(keep); });",
    "SIGTERM",
  );
  assert.deepEqual(ended, { lines: ["up", "own", "second", "first"], code: 0, endedBy: null });
});
