import assert from "node:assert/strict";
import { test } from "node:test";
import { closureOf, DependencyParser, relationsOf } from "../../../src/content/apt-closure.ts";

const LIST = `Package: base-files
Priority: required
Pre-Depends: awk
Depends: libc6:any (>= 2.3.4), libcrypt1 (>= 1)
Recommends: motd

Package: gawk
Priority: optional
Provides: awk

Package: mawk
Priority: required
Provides: awk, small-awk (= 1.3)
Depends: libc6 (>= 2.34)

Package: nawk
Provides: awk

Package: libc6
Priority: optional
Depends: libgcc-s1

Package: libgcc-s1
Depends: libc6 (>= 2.35), gcc-12-base (= 12.2.0-14)

Package: libcrypt1
Depends: libc6 [amd64]

Package: motd
Recommends: gawk, nowhere

Package: agent
Depends: exim | mail-agent, gone | mawk , absent

Package: postfix
Provides: mail-agent
Depends: gone

Package: libc6
Depends: of-an-older-version

Package: of-an-older-version`;

function parse(text: string) {
  const parser = new DependencyParser();
  parser.push(Buffer.from(text));
  return parser.finish();
}

const list = parse(LIST);

for (const { what, roots, closure, recommends = false, installed = [] } of [
  { what: "none of nothing", roots: [], closure: [] },
  { what: "a root that is nowhere is left out", roots: ["nowhere"], closure: [] },
  { what: "a circle ends", roots: ["libc6"], closure: ["libc6", "libgcc-s1"] },
  {
    what: "Pre-Depends and Depends, with versions and :any, and the provider of the best priority",
    roots: ["base-files"],
    closure: ["base-files", "libc6", "libcrypt1", "libgcc-s1", "mawk"],
  },
  {
    what: "what is recommended, and what that recommends",
    roots: ["base-files"],
    recommends: true,
    closure: ["base-files", "gawk", "libc6", "libcrypt1", "libgcc-s1", "mawk", "motd"],
  },
  {
    what: "the first alternative that exists, be it by its provider",
    roots: ["agent"],
    closure: ["agent", "libc6", "libgcc-s1", "mawk", "postfix"],
  },
  { what: "a virtual root", roots: ["small-awk"], closure: ["libc6", "libgcc-s1", "mawk"] },
  { what: "what is installed is not counted again", roots: ["mawk"], installed: ["libc6"], closure: ["mawk"] },
  {
    what: "nor does an alternative come that is not needed",
    roots: ["agent", "postfix"],
    installed: ["postfix", "mawk"],
    closure: ["agent"],
  },
]) {
  test(`closure: ${what}`, () => {
    const found = closureOf(list, roots, { recommends, installed: new Set(installed) });
    assert.deepEqual([...found].sort(), closure);
  });
}

test("a field is a list of alternatives, of which the names count", () => {
  assert.deepEqual(relationsOf("a (>= 1:2~) | b:any|c, d [!i386] <!nocheck>,e(= 1)"), [["a", "b", "c"], ["d"], ["e"]]);
  assert.deepEqual(relationsOf(""), [[]]);
});
