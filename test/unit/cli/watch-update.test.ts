import assert from "node:assert/strict";
import { test } from "node:test";
import type { Key, KeyName } from "../../../src/cli/watch-keys.ts";
import { cursorPlace, newWatch, type WatchState } from "../../../src/cli/watch-model.ts";
import { bodyHeight } from "../../../src/cli/watch-screen.ts";
import { update } from "../../../src/cli/watch-update.ts";
import type { HostSummary } from "../../../src/server/api/shapes.ts";
import { HOSTS, manyHosts, NOW, SERVERS } from "../../support/watch-fleet.ts";

function watching(hosts: readonly HostSummary[], rows = 20, only: readonly string[] = []): WatchState {
  const state = newWatch({ columns: 100, rows }, only);
  return update(state, { kind: "fleet", at: NOW, now: NOW, site: "rack1", server: "one", hosts });
}

/** Keys as `down`, or text as `"abc"`. */
function press(state: WatchState, ...keys: readonly string[]): WatchState {
  const pressed = keys.flatMap((key): Key[] => {
    return key.startsWith('"') ? [...key.slice(1, -1)].map((text) => ({ text })) : [{ name: key as KeyName }];
  });
  return pressed.reduce((before, key) => update(before, { kind: "key", key }), state);
}

function change(state: WatchState, hosts: readonly HostSummary[], gone: readonly string[] = []): WatchState {
  return update(state, { kind: "hosts", at: NOW, now: NOW, hosts, gone });
}

const names = ({ shown }: WatchState) => shown.map(({ host }) => host);
const cursor = (state: WatchState) => state.shown[cursorPlace(state)]?.host;

test("what needs somebody comes first; s goes through the other orders", () => {
  const orders = [0, 1, 2, 3, 4, 5].map((count) =>
    press(watching(HOSTS), ...Array.from({ length: count }, () => '"s"')),
  );
  assert.deepEqual(
    orders.map((state) => [state.sort, names(state).join(" ")]),
    [
      ["trouble", "vm10 vm1 vm2 vm3 vm11"],
      ["name", "vm1 vm2 vm3 vm10 vm11"],
      ["progress", "vm2 vm1 vm3 vm10 vm11"],
      ["newest", "vm1 vm2 vm10 vm3 vm11"],
      ["rate", "vm2 vm1 vm3 vm10 vm11"],
      ["trouble", "vm10 vm1 vm2 vm3 vm11"],
    ],
  );
});

test("the filter takes hosts that have all its words, in whatever is known of them", () => {
  const shownBy = (text: string) => names(press(watching(HOSTS), '"/"', JSON.stringify(text), "enter")).join(" ");
  assert.equal(shownBy("rocky"), "vm2 vm11");
  assert.equal(shownBy("ROCKY  installing"), "vm2");
  assert.equal(shownBy("two"), "vm2");
  assert.equal(shownBy("answers were not"), "vm10");
  assert.equal(shownBy("zz"), "");
});

test("typing a filter: letters are letters, backspace takes one, esc takes all", () => {
  const typing = press(watching(HOSTS), '"/"', '"qs"');
  assert.deepEqual([typing.filter, typing.isTyping, typing.isOver], ["qs", true, false]);
  assert.equal(press(typing, "backspace", "backspace", "backspace").filter, "");
  assert.deepEqual(names(press(typing, "escape")), names(watching(HOSTS)));
  const kept = press(watching(HOSTS), '"/"', '"rocky"', "down", "enter");
  assert.deepEqual([kept.isTyping, cursor(kept)], [false, "vm11"]);
  assert.equal(press(kept, "escape").filter, "");
});

test("q and Ctrl-C end it, Ctrl-C also while a filter is typed", () => {
  assert.ok(press(watching(HOSTS), '"q"').isOver);
  assert.ok(press(watching(HOSTS), "enter", '"q"').isOver);
  assert.ok(press(watching(HOSTS), '"/"', "interrupt").isOver);
});

test("the cursor goes through the rows, a page keeps one row in sight", () => {
  const start = press(watching(manyHosts(5000)), '"s"');
  const height = bodyHeight(start);
  assert.deepEqual([cursor(start), start.top], ["n1", 0]);
  const paged = press(start, "page-down");
  assert.deepEqual([cursor(paged), paged.top], [`n${height}`, 0]);
  const twice = press(paged, "page-down");
  assert.deepEqual([cursorPlace(twice), twice.top], [2 * (height - 1), height - 1]);
  const last = press(start, "end", "down");
  assert.deepEqual([cursor(last), last.top], ["n5000", 5000 - height]);
  assert.equal(cursor(press(last, "home")), "n1");
  assert.equal(cursor(press(start, "up", "down", "down", "up")), "n2");
});

test("at the top the cursor stays at the top, elsewhere it stays with its host", () => {
  const failing: HostSummary = { host: "vm11", profile: "rocky", state: "failed" };
  assert.equal(cursor(change(watching(HOSTS), [failing])), "vm11");
  const onSecond = press(watching(HOSTS), "down");
  assert.equal(cursor(onSecond), "vm1");
  const moved = change(onSecond, [failing]);
  assert.deepEqual([cursor(moved), cursorPlace(moved)], ["vm1", 2]);
  // Its host is gone: at the top again.
  assert.equal(cursorPlace(change(moved, [], ["vm1"])), 0);
});

test("on a terminal that is made smaller the cursor stays in sight, on a larger one no room is left empty", () => {
  const last = press(watching(manyHosts(100)), "end");
  const small = update(last, { kind: "resize", size: { columns: 40, rows: 5 } });
  assert.ok(cursorPlace(small) - small.top < bodyHeight(small));
  const large = update(small, { kind: "resize", size: { columns: 40, rows: 200 } });
  assert.equal(large.top, 0);
});

test("changes, hosts that are gone, and totals", () => {
  const state = change(watching(HOSTS), [{ host: "vm1", profile: "debian", state: "failed" }], ["vm3"]);
  assert.deepEqual(names(state), ["vm1", "vm10", "vm2", "vm11"]);
  assert.deepEqual([state.counts.failed, state.counts.verified, state.counts.installing], [1, 0, 1]);
  assert.equal(update(state, { kind: "servers", servers: SERVERS }).servers.length, 3);
});

test("hosts asked for by name are the only ones, also when others change", () => {
  const state = watching(HOSTS, 20, ["vm1", "vm3"]);
  assert.deepEqual(names(change(state, HOSTS)), ["vm1", "vm3"]);
});

test("one host is opened, scrolled and left; keys of the fleet do nothing there", () => {
  const opened = press(watching(HOSTS, 8), "enter");
  assert.equal(opened.open, "vm10");
  const log = Array.from({ length: 30 }, (_, count) => `line ${count}`);
  const detail = { status: { host: "vm10", state: "idle" }, log } as const;
  const shown = update(opened, { kind: "detail", detail });
  const down = press(shown, "down", "down", "up");
  assert.equal(down.scroll, 1);
  const end = press(shown, "end", "down");
  // 1 line of its status, a blank, a title, 30 of its log, less what is on the screen.
  assert.equal(end.scroll, 33 - bodyHeight(shown));
  assert.deepEqual([press(end, "home").scroll, press(end, '"/s"').sort], [0, "trouble"]);
  const left = press(end, "escape");
  assert.deepEqual([left.open, left.detail, cursor(left)], [undefined, undefined, "vm10"]);
});
