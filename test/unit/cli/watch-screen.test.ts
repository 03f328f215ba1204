import assert from "node:assert/strict";
import { test } from "node:test";
import { lineText } from "../../../src/cli/watch-line.ts";
import { newWatch, type Size, type WatchState } from "../../../src/cli/watch-model.ts";
import { screenLines } from "../../../src/cli/watch-screen.ts";
import { update } from "../../../src/cli/watch-update.ts";
import type { HostStatus } from "../../../src/cluster/status.ts";
import { assertGolden } from "../../support/golden.ts";
import { HOSTS, NOW, SERVERS, STALLED } from "../../support/watch-fleet.ts";

process.env.TZ = "UTC";

const FLEET = { kind: "fleet", at: NOW, now: NOW, site: "rack1", server: "one", hosts: HOSTS } as const;

function watching(size: Size): WatchState {
  return update(update(newWatch(size, []), FLEET), { kind: "servers", servers: SERVERS });
}

function screen(state: WatchState, now = NOW): string {
  const lines = screenLines(state, now).map(lineText);
  assert.equal(lines.length, state.size.rows);
  return lines.map((line) => `|${line}\n`).join("");
}

test("the fleet on terminals of several sizes", () => {
  for (const [columns, rows] of [
    [140, 14],
    [100, 24],
    [80, 12],
    [60, 7],
    [30, 5],
    [12, 3],
  ] as const) {
    assertGolden(`watch/fleet-${columns}x${rows}.txt`, screen(watching({ columns, rows })));
  }
});

test("one host, with what is wrong and the end of its log", () => {
  const status: HostStatus = {
    host: "vm10",
    state: "stalled",
    trace: "5d1e9a02",
    permit: { id: "3fa9c1d2", state: "started", issued: NOW - 900_000, expires: NOW + 3_600_000 },
    boot: {
      ...{ number: 1, id: "5d1e9a02", started: NOW - 840_000 },
      stages: [
        {
          stage: "kernel",
          first: NOW - 780_000,
          last: NOW - 779_000,
          events: 2,
          files: 2,
          bytes: 46_000_000,
          server: "one",
        },
      ],
    },
    awaiting: { what: "the installer to read its answers", since: NOW - 780_000 },
    deadline: NOW - 180_000,
    ...(STALLED.cause && { cause: STALLED.cause }),
  };
  const opened = [
    { kind: "key", key: { name: "enter" } },
    {
      kind: "detail",
      detail: { status, log: ["main-menu: menu item 'netcfg' selected", "netcfg: \u001b[31mno link"] },
    },
  ] as const;
  for (const [columns, rows] of [
    [100, 16],
    [50, 12],
  ] as const) {
    const state = opened.reduce((before, action) => update(before, action), watching({ columns, rows }));
    assertGolden(`watch/host-${columns}x${rows}.txt`, screen(state));
  }
});

test("that the daemon is away is said first, and no rate is shown for one of now", () => {
  const text = "no daemon answers at control.sock: start it with `everboot up`";
  const away = update(watching({ columns: 100, rows: 14 }), { kind: "away", at: NOW, text });
  // Further tries change nothing in since when.
  const later = update(away, { kind: "away", at: NOW + 11_000, text });
  assertGolden("watch/away-100x14.txt", screen(later, NOW + 12_000));
  assert.match(screen({ ...later, size: { columns: 40, rows: 2 } }), /NO DAEMON/);
  assert.doesNotMatch(screen(update(later, { ...FLEET, at: NOW + 13_000, now: NOW + 13_000 })), /NO DAEMON/);
});

test("before the daemon's first word, with no host, and with none that matches", () => {
  const size = { columns: 60, rows: 12 };
  assert.match(screen(newWatch(size, [])), /^\|everboot: asking the daemon/);
  assert.match(screen(update(newWatch(size, []), { ...FLEET, hosts: [] })), /\|no hosts\n/);
  const filtered = [..."/zz"].reduce((state, text) => update(state, { kind: "key", key: { text } }), watching(size));
  assert.match(screen(filtered), /\|no host matches "zz"\n[\s\S]*\|filter: zz_/);
});

test("times are told by the daemon's clock", () => {
  const skewed = update(newWatch({ columns: 100, rows: 14 }, []), { ...FLEET, at: NOW - 3_600_000 });
  assert.match(screen(skewed, NOW - 3_600_000 + 1_000), /12:03:12/);
});
