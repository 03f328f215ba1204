/** Each family's reader against lines of its installer (test/fixtures/logs), as they come by syslog. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import type { LogFinding } from "../../../src/os/log-lines.ts";
import { FAMILIES } from "../../../src/registry.ts";
import { parseSyslog } from "../../../src/wire/syslog-message.ts";

interface Sample {
  readonly line: string;
  readonly expected: string;
}

/** A line, and `=> what is expected` after it. */
function samples(family: string): readonly Sample[] {
  const text = readFileSync(new URL(`../../fixtures/logs/${family}.txt`, import.meta.url), "utf8");
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.flatMap((line, place) => {
    if (line.startsWith("=> ")) return [];
    const next = lines[place + 1] ?? "";
    assert.ok(next.startsWith("=> "), `${family}: nothing is expected of: ${line}`);
    return [{ line, expected: next.slice("=> ".length) }];
  });
}

function shown(finding: LogFinding | undefined): string {
  if (finding === undefined) return "nothing";
  const { kind, text, done, of, isOneMore } = finding;
  const count = of === undefined ? (isOneMore ? " +1" : "") : ` ${done ?? "?"}/${of}`;
  return `${kind}${count}: ${text}`;
}

for (const [name, family] of FAMILIES) {
  for (const { line, expected } of samples(name)) {
    test(`${name}: ${line.slice(0, 120)}`, () => {
      const { program = "", text } = parseSyslog(line);
      assert.equal(shown(family.readLog(program, text)), expected);
    });
  }

  test(`${name}: every kind of finding has a sample`, () => {
    const kinds = new Set(samples(name).map(({ expected }) => expected.replace(/[ :].*/s, "")));
    const asks = name === "ubuntu" ? [] : ["question"];
    assert.deepEqual([...kinds].sort(), ["error", "nothing", "progress", ...asks, "step"].sort());
  });

  test(`${name}: no line makes it throw, and a finding is one line of a bounded length`, () => {
    const parts = samples(name).flatMap(({ line }) => line.split(/(?<=[ :([])/));
    const lines = fc.array(fc.oneof(fc.constantFrom(...parts), fc.string()), { maxLength: 40 });
    const programs = fc.constantFrom("", "main-menu", "in-target", "anaconda", "yast2", "agama", "subiquity", "kernel");
    fc.assert(
      fc.property(programs, lines, (program, words) => {
        const finding = family.readLog(program, words.join(""));
        assert.ok(finding === undefined || (finding.text.length <= 300 && !finding.text.includes("\n")));
      }),
      { numRuns: 300 },
    );
  });

  test(`${name}: the longest line is read in a time that grows with its length only`, { timeout: 10_000 }, () => {
    for (const { line } of samples(name)) {
      const { program = "", text } = parseSyslog(line);
      for (const part of ["a ", "(", "1/", ": ", '\\"', "-", "[1]: "]) {
        family.readLog(program, text + part.repeat(30_000));
        family.readLog(program, part.repeat(30_000) + text);
      }
    }
  });
}
