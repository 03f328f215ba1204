import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { closureOf, DependencyParser, relationsOf } from "../../src/content/apt-closure.ts";

const name = fc.constantFrom(..."abcdefghij");
const field = fc
  .array(fc.array(name, { minLength: 1, maxLength: 3 }), { maxLength: 3 })
  .map((relations) => relations.map((alternatives) => alternatives.join(" | ")).join(", "));
const aPackage = fc.record({
  Package: name,
  Priority: fc.constantFrom("required", "optional"),
  "Pre-Depends": field,
  Depends: field,
  Recommends: field,
  Provides: field.map((text) => text.replaceAll("|", ",")),
});
const packages = fc.array(aPackage, { maxLength: 12 }).map((stanzas) => {
  const parser = new DependencyParser();
  const text = stanzas.map((stanza) => Object.entries(stanza).map(([key, value]) => `${key}: ${value}\n`));
  parser.push(Buffer.from(text.map((lines) => lines.join("")).join("\n")));
  return parser.finish();
});
const about = { roots: fc.array(name), recommends: fc.boolean(), installed: fc.array(name) };

test("another root never makes a closure smaller", () => {
  fc.assert(
    fc.property(packages, fc.record(about), name, (list, { roots, recommends, installed }, more) => {
      const options = { recommends, installed: new Set(installed) };
      const bigger = closureOf(list, [...roots, more], options);
      assert.ok([...closureOf(list, roots, options)].every((each) => bigger.has(each)));
    }),
  );
});

test("whatever a member needs is there, if the list has it at all; and nothing is that the list has not", () => {
  fc.assert(
    fc.property(packages, fc.record(about), (list, { roots, recommends, installed }) => {
      const closure = closureOf(list, roots, { recommends, installed: new Set(installed) });
      const isThere = (each: string) => closure.has(each) || installed.includes(each);
      const named = (each: string) => (list.packages.has(each) ? each : list.providers.get(each));
      for (const member of closure) {
        const found = list.packages.get(member) ?? assert.fail(`${member} is not in the list`);
        for (const alternatives of [...found.depends, recommends ? found.recommends : ""].flatMap(relationsOf)) {
          const existing = alternatives.flatMap((each) => named(each) ?? []);
          assert.ok(existing.length === 0 || existing.some(isThere), `${member} needs ${alternatives}`);
        }
      }
    }),
  );
});
