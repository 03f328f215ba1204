import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { textWidth } from "../../src/cli/status-width.ts";
import type { KeyName } from "../../src/cli/watch-keys.ts";
import { lineText } from "../../src/cli/watch-line.ts";
import { newWatch } from "../../src/cli/watch-model.ts";
import { createPainter } from "../../src/cli/watch-paint.ts";
import { screenLines } from "../../src/cli/watch-screen.ts";
import { type Action, update } from "../../src/cli/watch-update.ts";
import { STAGES } from "../../src/cluster/events.ts";
import { HOST_STATES } from "../../src/cluster/status.ts";
import type { HostSummary } from "../../src/server/api/shapes.ts";
import { createScreen } from "../support/screen.ts";
import { SERVERS } from "../support/watch-fleet.ts";

const NAMES = Array.from({ length: 12 }, (_, place) => `vm${place}${"x".repeat(place * 3)}`);
const PLAIN_WORDS = fc.string({ unit: "grapheme-ascii", maxLength: 80 });
const ODD_UNIT = fc.constantFrom("\u001b", "[2J", "\n", "\u009b", "\u0308", "機", "😀", "\u200d");
const ANY_WORDS = fc.string({ unit: fc.oneof(fc.string({ unit: "grapheme", maxLength: 5 }), ODD_UNIT), maxLength: 40 });

function hosts(words: fc.Arbitrary<string>): fc.Arbitrary<HostSummary> {
  return fc.record(
    {
      host: fc.constantFrom(...NAMES),
      profile: fc.constant("debian"),
      state: fc.constantFrom(...HOST_STATES),
      stage: fc.constantFrom(...STAGES),
      since: fc.nat(10_000_000),
      progress: fc.record({
        fraction: fc.double({ min: 0, max: 1, noNaN: true }),
        basis: fc.constant("earlier" as const),
        isEstimate: fc.boolean(),
        done: fc.nat(),
        unit: fc.constant("bytes" as const),
      }),
      awaiting: words,
      note: words,
      server: fc.constantFrom("one", "a-server-with-a-long-name"),
      rate: fc.nat(1e9),
      cause: fc.record({ id: fc.constant("x"), text: words, todo: words, evidence: words }),
    },
    { requiredKeys: ["host", "profile", "state"], noNullPrototype: true },
  );
}

const KEYS: readonly KeyName[] = ["up", "down", "page-up", "page-down", "home", "end", "enter", "escape", "backspace"];

function actions(words: fc.Arbitrary<string>): fc.Arbitrary<Action> {
  const list = fc.uniqueArray(hosts(words), { selector: ({ host }) => host, maxLength: 12 });
  const size = fc.record({ columns: fc.integer({ min: 1, max: 200 }), rows: fc.integer({ min: 1, max: 40 }) });
  const time = { at: fc.constant(0), now: fc.constant(0) };
  return fc.oneof(
    fc.record({ kind: fc.constant("fleet" as const), ...time, site: words, server: fc.constant("one"), hosts: list }),
    fc.record({
      ...{ kind: fc.constant("hosts" as const), ...time, hosts: list },
      gone: fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 3 }),
    }),
    fc.record({ kind: fc.constant("servers" as const), servers: fc.subarray([...SERVERS]) }),
    fc.record({ kind: fc.constant("away" as const), at: fc.nat(1000), text: words }),
    fc.record({
      kind: fc.constant("detail" as const),
      detail: fc.record({
        status: fc.record({ host: fc.constantFrom(...NAMES), state: fc.constantFrom(...HOST_STATES) }),
        log: fc.array(words, { maxLength: 30 }),
      }),
    }),
    fc.record({ kind: fc.constant("resize" as const), size }),
    fc.record({ kind: fc.constant("key" as const), key: fc.constantFrom(...KEYS).map((name) => ({ name })) }),
    fc.record({
      kind: fc.constant("key" as const),
      key: fc.constantFrom("/", "s", "v", "m").map((text) => ({ text })),
    }),
  );
}

const START = newWatch({ columns: 80, rows: 24 }, []);

test("whatever happens, no line is wider and no screen higher than the terminal", () => {
  fc.assert(
    fc.property(fc.array(actions(ANY_WORDS), { maxLength: 30 }), (steps) => {
      let state = START;
      for (const step of steps) {
        state = update(state, step);
        const lines = screenLines(state, 5_000_000);
        assert.equal(lines.length, state.size.rows);
        for (const line of lines) {
          assert.ok(textWidth(lineText(line)) <= state.size.columns, JSON.stringify(lineText(line)));
          assert.doesNotMatch(lineText(line), /\p{Cc}/u);
        }
      }
    }),
  );
});

test("whatever happens, a terminal that is sent the differences shows the screen", () => {
  fc.assert(
    fc.property(fc.array(actions(PLAIN_WORDS), { maxLength: 30 }), fc.boolean(), (steps, color) => {
      const terminal = createScreen(START.size.columns, START.size.rows);
      const painter = createPainter(color);
      let state = START;
      for (const step of steps) {
        state = update(state, step);
        if (step.kind === "resize") terminal.resize(step.size.columns, step.size.rows);
        const lines = screenLines(state, 5_000_000);
        terminal.write(painter.paint(lines, state.size));
        assert.deepEqual(
          terminal.rows(),
          lines.map((line) => lineText(line).trimEnd()),
        );
      }
    }),
  );
});
