import assert from "node:assert/strict";
import { test } from "node:test";
import { EverbootError } from "../../../src/base/errors.ts";
import { type Ear, Health } from "../../../src/cluster/health.ts";
import { watchWrites } from "../../../src/cluster/health-store.ts";
import type { Change, Store } from "../../../src/store/store.ts";
import { createFakeClock } from "../../support/fake-clock.ts";

/** Lets what has been resolved be seen. */
const settle = () => new Promise((done) => setImmediate(done));

/** A listener that answers at once unless it is deaf. */
class Listener implements Ear {
  readonly name = "HTTP 192.168.0.11";
  deaf: boolean = false;
  served = 0;
  /** Questions that have no answer yet. */
  open = 0;

  async ask(signal: AbortSignal): Promise<void> {
    if (!this.deaf) return;
    this.open += 1;
    await new Promise((_, refuse) => signal.addEventListener("abort", () => refuse(signal.reason), { once: true }));
  }

  answers(): number {
    return this.served;
  }
}

function watched() {
  const clock = createFakeClock();
  const listener = new Listener();
  const store = { cause: undefined as unknown, failure: () => store.cause };
  const health = new Health({ clock, ears: [listener], store });
  health.start();
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 50) {
      clock.advance(50);
      await settle();
    }
  };
  return { listener, store, health, pass };
}

test("a listener that does not answer for half a second is deaf until it answers again", async () => {
  const { listener, health, pass } = watched();
  await pass(10_000);
  assert.deepEqual([health.isWell(), health.isDeaf(), health.troubles()], [true, false, []]);
  listener.deaf = true;
  await pass(400);
  assert.equal(health.isWell(), true);
  await pass(200);
  assert.deepEqual([health.isWell(), health.isDeaf()], [false, true]);
  assert.match(health.troubles().join(), /^HTTP 192\.168\.0\.11 does not answer/);
  listener.deaf = false;
  await pass(200);
  assert.deepEqual([health.isWell(), health.troubles()], [true, []]);
});

test("a listener that answers others is not deaf", async () => {
  const { listener, health, pass } = watched();
  listener.deaf = true;
  for (let step = 0; step < 20; step++) {
    listener.served += 1;
    await pass(150);
  }
  assert.equal(health.isDeaf(), false);
});

test("a daemon that was kept waiting is not deaf for that", async () => {
  const clock = createFakeClock();
  const health = new Health({ clock, ears: [new Listener()], store: { failure: () => undefined } });
  health.start();
  await settle();
  // The wall clock goes on, the timers come once: as after a pause of the process.
  clock.jump(60_000);
  clock.advance(150);
  assert.equal(health.isWell(), true);
});

test("questions without an answer are given up, and none is left at the end", async () => {
  const { listener, health, pass } = watched();
  listener.deaf = true;
  let ended = 0;
  const { ask } = listener;
  listener.ask = (signal) => ask.call(listener, signal).finally(() => ended++);
  await pass(3000);
  assert.ok(ended >= 10, `${ended} of ${listener.open}`);
  health.stop();
  await settle();
  const asked = listener.open;
  await pass(3000);
  assert.equal(listener.open, asked);
});

test("a store that cannot be written is trouble, and no deafness", () => {
  const { store, health } = watched();
  store.cause = new EverbootError("store-unavailable", {}, new Error("disk I/O error"));
  assert.deepEqual([health.isWell(), health.isDeaf()], [false, false]);
  assert.match(health.troubles().join(), /\(disk I\/O error\): free space/);
});

/** A store of which only commits matter. */
function disk() {
  const state: { full: boolean; tried: number } = { full: false, tried: 0 };
  const store: Store = {
    get: () => Promise.resolve(undefined),
    list: () => Promise.resolve([]),
    commit: (change: Change) => {
      state.tried += 1;
      if (state.full) return Promise.reject(new EverbootError("store-unavailable", {}, new Error("disk full")));
      const isStale = change.expect !== undefined;
      return Promise.resolve(isStale ? { kind: "conflict", key: "a" } : { kind: "committed", revision: 1 });
    },
    watch: () => {
      throw new Error("not watched here");
    },
    close: () => Promise.resolve(),
  };
  return { state, store };
}

test("a store has failed from a commit that failed until one succeeds, and tries by itself", async () => {
  const clock = createFakeClock();
  const { state, store } = disk();
  const watchedStore = watchWrites(store, clock);
  state.full = true;
  await assert.rejects(watchedStore.commit({}), { code: "store-unavailable" });
  assert.ok(watchedStore.failure() instanceof EverbootError);
  for (const _ of [1, 2, 3]) {
    clock.advance(1000);
    await settle();
  }
  assert.equal(state.tried, 4);
  state.full = false;
  await watchedStore.commit({ expect: [{ key: "a", revision: 1 }] });
  assert.notEqual(watchedStore.failure(), undefined, "a conflict writes nothing");
  clock.advance(1000);
  await settle();
  assert.equal(watchedStore.failure(), undefined);
  const { tried } = state;
  clock.advance(10_000);
  assert.equal(state.tried, tried);
});

test("a store that is closed tries no more", async () => {
  const clock = createFakeClock();
  const { state, store } = disk();
  const watchedStore = watchWrites(store, clock);
  state.full = true;
  await assert.rejects(watchedStore.commit({}));
  await watchedStore.close();
  clock.advance(10_000);
  assert.equal(state.tried, 1);
});
