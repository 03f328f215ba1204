/**
 * Installs that are broken on purpose: each ends as failed, stalled or expired within its deadline, with the cause named.
 * EVERBOOT_LAB=broken runs those that have not been right yet, EVERBOOT_CASE=NAME one of them. Results are kept in
 * .cache/broken/results.jsonl, a line each. EVERBOOT_LAB=broken-quick runs those that need no virtual machine.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { namespaceObstacle } from "../../lab/netns.ts";
import { LAB_PURPOSES, packageObstacle } from "../../lab/prerequisites.ts";
import { alignColumns } from "../../src/cli/columns.ts";
import { BROKEN_CASES } from "./broken-cases.ts";
import { type BrokenCase, knownResults, runBroken } from "./broken-run.ts";

const { EVERBOOT_LAB: WANTED, EVERBOOT_CASE: ONLY } = process.env;
const before = knownResults();

function obstacle({ name, needsMachine }: BrokenCase): string | undefined {
  const isWanted = WANTED === "broken" || (WANTED === "broken-quick" && !needsMachine);
  if (!isWanted) return `long: set EVERBOOT_LAB=${needsMachine ? "broken" : "broken-quick"}`;
  if (ONLY !== undefined && ONLY !== name) return `EVERBOOT_CASE is ${ONLY}`;
  if (ONLY === undefined && before.get(name)?.isRight) return `was right: EVERBOOT_CASE=${name} runs it again`;
  return namespaceObstacle() ?? packageObstacle(...(needsMachine ? LAB_PURPOSES : []), "loaders", "clients");
}

for (const broken of BROKEN_CASES) {
  test(`${broken.name}: its cause is named in time`, { skip: obstacle(broken) ?? false }, async () => {
    const result = await runBroken(broken);
    assert.ok(
      result.isRight,
      `wanted ${broken.ends.join(" or ")} by ${broken.causes.join(" or ")}: ${JSON.stringify(result)}`,
    );
  });
}

after(() => {
  const results = knownResults();
  if (WANTED === undefined || results.size === 0) return;
  const rows = BROKEN_CASES.flatMap(({ name }) => {
    const result = results.get(name);
    if (!result) return [];
    const { isRight, state, cause = "-", evidence = "-", seconds, deadline } = result;
    return [[isRight ? "right" : "WRONG", name, state, cause, `${seconds} s`, `${deadline ?? "-"} s`, evidence]];
  });
  const head = ["", "CASE", "STATE", "CAUSE", "TOLD", "DEADLINE", "EVIDENCE"];
  const lines = alignColumns([head, ...rows], ["left", "left", "left", "left", "right", "right", "left"], "");
  process.stdout.write(`${lines.join("\n")}\n`);
});
