import assert from "node:assert/strict";
import { test } from "node:test";
import { serversOfStages } from "../../../src/cli/status-servers.ts";
import type { EventFacts, JournalEvent, Stage } from "../../../src/cluster/events.ts";

function served(at: number, stage: Stage, facts: EventFacts, boot = 2): JournalEvent {
  return { at, host: "vm1", boot, stage, what: "served", facts };
}

const BOOT = {
  number: 2,
  id: "5d1e9a02",
  started: 100,
  stages: [
    { stage: "loader", first: 100, last: 110, events: 1, files: 1, bytes: 850 },
    { stage: "packages", first: 200, last: 400, events: 3, files: 3, bytes: 6000 },
  ],
} as const;

test("bytes and rates of each server, the one that sent most first", () => {
  const found = serversOfStages(BOOT, [
    served(50, "packages", { server: "one", bytes: 99, rate: 1 }, 1),
    served(100, "loader", { server: "one", bytes: 850 }),
    served(200, "packages", { server: "one", bytes: 1000, rate: 1000 }),
    // Two seconds for 2000 bytes in all.
    served(300, "packages", { server: "one", bytes: 1000, rate: 1000 }),
    served(400, "packages", { server: "two", bytes: 4000, rate: 8000 }),
    { ...served(400, "packages", { server: "two", bytes: 5 }), what: "report" },
    // After the stage: of the restart.
    served(500, "loader", { server: "two", bytes: 850, rate: 10 }),
  ]);
  assert.deepEqual(
    [...found],
    [
      ["loader", [{ server: "one", bytes: 850 }]],
      [
        "packages",
        [
          { server: "two", bytes: 4000, rate: 8000 },
          { server: "one", bytes: 2000, rate: 1000 },
        ],
      ],
    ],
  );
});
