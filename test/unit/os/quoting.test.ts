import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { kernelArgument, preseedLine, shellQuote } from "../../../src/os/quoting.ts";

/** What a command line can carry: everything but NUL. */
const words = fc.array(
  fc.string({ unit: "grapheme", maxLength: 20 }).map((text) => text.replaceAll("\0", "")),
  { minLength: 1, maxLength: 20 },
);

test("a shell reads quoted words back as they were", () => {
  fc.assert(
    fc.property(words, (wanted) => {
      const script = `printf '%s\\0' ${wanted.map(shellQuote).join(" ")}`;
      const { stdout } = spawnSync("sh", ["-c", script], { encoding: "utf8" });
      assert.deepEqual(stdout.split("\0").slice(0, -1), wanted);
    }),
    { numRuns: 50 },
  );
});

test("a preseed line is owner, question, type and value", () => {
  assert.equal(preseedLine("time/zone", "string", "Asia/Shanghai"), "d-i time/zone string Asia/Shanghai");
  assert.equal(preseedLine("tasksel/first", "multiselect", "", "tasksel"), "tasksel tasksel/first multiselect");
});

test("no value makes a second line, or joins the next one", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (value) => {
      const line = preseedLine("a/b", "string", value);
      assert.doesNotMatch(line, /[\r\n]/);
      assert.ok(!line.endsWith("\\"));
    }),
  );
  assert.equal(preseedLine("a/b", "string", "one\n d-i c/d string two"), "d-i a/b string one d-i c/d string two");
  assert.equal(preseedLine("a/b", "string", "C:\\"), "d-i a/b string C:\\ ");
});

test("kernel arguments with white space are quoted the way the kernel reads", () => {
  assert.equal(kernelArgument("console=ttyS0,115200"), "console=ttyS0,115200");
  assert.equal(kernelArgument("dyndbg=file a.c +p"), 'dyndbg="file a.c +p"');
  assert.equal(kernelArgument("two words"), '"two words"');
  assert.equal(kernelArgument('dyndbg="file a.c +p"'), 'dyndbg="file a.c +p"');
});
