import assert from "node:assert/strict";
import { duplexPair } from "node:stream";
import { test } from "node:test";
import { SerialShell } from "../../../lab/bond-guest/shell.ts";

/** A guest that has booted, and answers each command with what `answer` makes of it, in pieces. */
function guest(answer: (command: string) => readonly string[]) {
  const [ours, theirs] = duplexPair();
  theirs.setEncoding("utf8").on("data", (text: string) => {
    for (const command of text.trimEnd().split("\n")) for (const piece of answer(command)) theirs.write(piece);
  });
  return { shell: new SerialShell(ours), theirs };
}

test("commands wait for the boot, run one after another, and get their own output", async () => {
  const { shell, theirs } = guest((command) => [`did ${command}\r\n`, `@done ${command.length}\r\n`]);
  const answers = Promise.all([shell.run("a"), shell.run("bcd")]);
  theirs.write("[    0.0] Linux version 6.1\r\n@done 0\r\n");
  assert.deepEqual(await answers, [
    { status: 1, output: "did a\n" },
    { status: 3, output: "did bcd\n" },
  ]);
});

test("an end that is cut in two, and text that only looks like one, are read right", async () => {
  const { shell, theirs } = guest(() => ["not @done 1\n", "@do", "ne 0", "\r", "\n"]);
  theirs.write("@done 0\n");
  await shell.ready();
  assert.deepEqual(await shell.run("x"), { status: 0, output: "not @done 1\n" });
});

test("a guest that ends is told with its last words, to all that wait", async () => {
  const [ours, theirs] = duplexPair();
  const shell = new SerialShell(ours);
  theirs.write("Kernel panic - not syncing");
  const waiting = [shell.ready(), shell.run("x")];
  ours.once("data", () => ours.destroy());
  for (const result of await Promise.allSettled(waiting)) {
    assert.equal(result.status, "rejected");
    assert.match(String(result.status === "rejected" && result.reason), /ended: .*Kernel panic/);
  }
});
