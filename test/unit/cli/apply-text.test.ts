import assert from "node:assert/strict";
import { test } from "node:test";
import { changeText } from "../../../src/cli/apply-text.ts";
import { diffText } from "../../../src/cli/diff-text.ts";
import { exampleSite } from "../../support/sites.ts";

function changed(edit: (text: string) => string): string[] {
  return changeText(exampleSite("single"), exampleSite("single", edit));
}

test("hosts that come, go and change are counted and named; a profile's change is not its hosts'", () => {
  const host = (name: string, number: number) =>
    `  ${name}: {nics: ["52:54:00:00:01:0${number}"], address: 192.168.77.11${number}, profile: plain}\n`;
  const more = Array.from({ length: 9 }, (_, index) => host(`vm${index + 3}`, index)).join("");
  const lines = changed(
    (text) =>
      `${text
        .replace("192.168.77.101", "192.168.77.109")
        .replace("tree: debian-12\n", "tree: debian-12\n    late: [sync]\n")
        .replace(/ {2}vm2:[\s\S]*/, "")}${more}`,
  );
  assert.deepEqual(lines, [
    "profiles: 1 changed (plain)",
    "hosts: 9 added (vm3, vm4, vm5, vm6, vm7, vm8, vm9, vm10, ...), 1 changed (vm1), 1 removed (vm2)",
  ]);
});

test("settings are named; a server that changes restarts; a comment changes nothing but the text", () => {
  assert.deepEqual(
    changed((text) => text.replace("unknown: ignore", "balance: parity")),
    ["settings: 1 changed (balance)"],
  );
  assert.deepEqual(
    changed((text) => text.replace("interface: br0", "interface: br1")),
    ["servers: 1 changed (one)", "the server changes: it restarts, and what it sends at that moment breaks off"],
  );
  assert.deepEqual(
    changed((text) => `# ours\n${text}`),
    ["nothing changes but the text"],
  );
});

test("a difference has two lines around it; very large ones are compared line by line", () => {
  const lines = (count: number) => Array.from({ length: count }, (_, index) => `line ${index}\n`);
  const edited = (count: number) =>
    lines(count)
      .with(0, "first\n")
      .with(count - 1, "last\n")
      .join("");
  assert.deepEqual(diffText(lines(9).join(""), edited(9)), [
    ...["- line 0", "+ first", "  line 1", "  line 2", "..."],
    ...["  line 6", "  line 7", "- line 8", "+ last"],
  ]);
  assert.deepEqual(diffText(lines(5000).join(""), edited(5000)), ["- line 0", "- line 4999", "+ first", "+ last"]);
});
