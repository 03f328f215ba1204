import assert from "node:assert/strict";
import { test } from "node:test";
import { changesText, compareStages } from "../../../src/cli/plan-changes.ts";

const BEFORE = [
  { stage: "dhcp", lines: ["address 1"] },
  { stage: "answer", lines: ["a", "b", "c", "d", "e", "f", "mode old", "g", "h", "i", "j"] },
  { stage: "gone", lines: ["x"] },
];
const AFTER = [
  { stage: "dhcp", lines: ["address 1"] },
  { stage: "answer", lines: ["a", "b", "c", "d", "e", "f", "mode new", "g", "h", "i", "j"] },
  { stage: "fresh", lines: ["y"] },
];

test("stage by stage: what changes, with two lines around it; what stays is named", () => {
  const stages = compareStages(BEFORE, AFTER);
  assert.deepEqual(changesText({ host: "vm1", against: "new.yaml against old.yaml", stages }), [
    "vm1: new.yaml against old.yaml",
    "  answer",
    "      e",
    "      f",
    "    - mode old",
    "    + mode new",
    "      g",
    "      h",
    "    ...",
    "  fresh",
    "    + y",
    "  gone",
    "    - x",
    "  as before: dhcp",
  ]);
});

test("nothing changes", () => {
  assert.deepEqual(changesText({ host: "vm1", against: "x", stages: compareStages(BEFORE, BEFORE) }), [
    "vm1: x",
    "  as before: dhcp, answer, gone",
  ]);
});
