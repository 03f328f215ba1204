import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { directive, scriptWord, section, writeFile } from "../../../src/os/redhat-directives.ts";

test("a command is its name, its words, and its options in the order given", () => {
  assert.equal(
    directive("part", ["/"], { fstype: "xfs", size: 4096, grow: true, asprimary: false, label: undefined }),
    "part / --fstype=xfs --size=4096 --grow",
  );
  assert.equal(directive("user", [], { gecos: "Ada L'Ovelace & Co" }), "user --gecos='Ada L'\\''Ovelace & Co'");
});

test("a section ends with %end", () => {
  assert.equal(section("%packages --retries=2", ["@core"]), "%packages --retries=2\n@core\n%end");
});

const noPython = spawnSync("python3", ["--version"]).error ? "needs python3" : false;

test("Python's shlex, by which kickstart is read, gives words back as they were", { skip: noPython }, () => {
  const word = fc.string({ unit: "grapheme", maxLength: 12 }).map((text) => text.replaceAll(/[\p{Cc}\p{Cs}]/gu, ""));
  const python =
    "import json, shlex, sys; print(json.dumps([shlex.split(l, comments=True) for l in json.load(sys.stdin)]))";
  const lists = fc.sample(fc.array(word, { maxLength: 6 }), { numRuns: 200, seed: 1 });
  const input = JSON.stringify(lists.map((words) => directive("name", words)));
  const { stdout } = spawnSync("python3", ["-c", python], { input, encoding: "utf8" });
  assert.deepEqual(
    JSON.parse(stdout),
    lists.map((words) => ["name", ...words]),
  );
});

/** Lines that kickstart would take for the end of a section, among others. */
const scriptText = fc
  .array(
    fc.oneof(fc.constantFrom("%end", " \t%include /x", "%pre", "END_OF_FILE", "it's", "$x `y` \\", ""), fc.string()),
  )
  .map((lines) => lines.join("\n").replaceAll(/[\0\r]/g, ""));

test("whatever a script's word holds, the shell reads it back and no line of it means anything to kickstart", () => {
  fc.assert(
    fc.property(scriptText, (text) => {
      const word = scriptWord(text);
      assert.doesNotMatch(word, /^[ \t]*%/m);
      assert.equal(spawnSync("sh", ["-c", `printf %s ${word}`], { encoding: "utf8" }).stdout, text);
    }),
    { numRuns: 60, seed: 1 },
  );
});

test("a written file has its text and its mode, whatever the text holds", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "everboot-directives-"));
  t.after(() => rmSync(folder, { recursive: true }));
  fc.assert(
    fc.property(scriptText, fc.constantFrom(0o600, 0o755), (content, mode) => {
      const lines = writeFile({ path: "etc/deep/file", mode, content }, folder);
      assert.doesNotMatch(lines.join("\n"), /^[ \t]*%/m);
      assert.equal(spawnSync("sh", ["-c", lines.join("\n")]).status, 0);
      assert.equal(readFileSync(join(folder, "etc/deep/file"), "utf8"), content);
      assert.equal(statSync(join(folder, "etc/deep/file")).mode & 0o777, mode);
    }),
    { numRuns: 60, seed: 1 },
  );
});
