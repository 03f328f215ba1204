import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { comment, element, fitsXml, raw, renderDocument } from "../../../src/os/xml.ts";

const noPython = spawnSync("python3", ["-c", "import xml.etree"]).status === 0 ? false : "needs python3";

test("elements are indented, texts of one line are not, texts of several lines are CDATA", () => {
  const root = element("profile", [
    comment("a note"),
    element("list", [element("entry", "a < b & c")], { "config:type": "list" }),
    element("empty", ""),
    element("source", "one\ntwo ]]> three\n"),
    raw("<own>\n  <x/>\n</own>\n\n"),
  ]);
  assert.equal(
    renderDocument(root),
    `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE profile>
<profile>
  <!-- a note -->
  <list config:type="list">
    <entry>a &lt; b &amp; c</entry>
  </list>
  <empty/>
  <source><![CDATA[one
two ]]]]><![CDATA[> three
]]></source>
<own>
  <x/>
</own>
</profile>
`,
  );
});

test("any text that XML can hold is what another parser reads again", { skip: noPython }, () => {
  const nasty = fc.string({
    unit: fc.constantFrom("]", ">", "<", "&", '"', "'", "\n", "\r", "\t", "a", " ", "é", "😀"),
  });
  const texts = fc.sample(fc.oneof(fc.string({ unit: "grapheme" }), nasty), { numRuns: 300, seed: 7 }).filter(fitsXml);
  const root = element(
    "all",
    texts.map((text) => element("text", text, { same: text })),
  );
  const read = `
import json, sys, xml.etree.ElementTree as tree
root = tree.fromstring(sys.stdin.buffer.read())
json.dump([[e.text or "", e.get("same")] for e in root], sys.stdout)`;
  const { stdout, stderr } = spawnSync("python3", ["-c", read], { input: renderDocument(root), encoding: "utf8" });
  assert.equal(stderr, "");
  assert.deepEqual(
    JSON.parse(stdout),
    texts.map((text) => [text, text]),
  );
});

test("control characters and halves of surrogate pairs do not fit", () => {
  for (const text of ["\u0000", "a\u001bb", "\ud800", "\ufffe"]) assert.equal(fitsXml(text), false);
  for (const text of ["", "tab\tline\r\n", "ü😀"]) assert.equal(fitsXml(text), true);
});
