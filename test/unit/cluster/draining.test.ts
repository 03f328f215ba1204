import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clock, systemClock } from "../../../src/base/clock.ts";
import { installsAt, openDraining } from "../../../src/cluster/draining.ts";
import type { Permit, PermitState } from "../../../src/cluster/permit-rules.ts";
import { createMemoryStore } from "../../../src/store/memory.ts";
import type { Store } from "../../../src/store/store.ts";

/** Tries again at once. */
const clock: Clock = { now: () => Date.now(), after: (_ms, task) => systemClock.after(0, task) };

test("what one server marks all know, also those that start later", async () => {
  const store = createMemoryStore();
  const ended = new AbortController();
  const following = { signal: ended.signal, clock };
  const told = Promise.withResolvers<void>();
  const changes: string[] = [];
  const a = await openDraining({ store, following });
  const b = await openDraining({
    ...{ store, following },
    changed: (server, draining) => {
      changes.push(`${server} ${draining}`);
      if (changes.length === 2) told.resolve();
    },
  });
  await a.set("server/2", true);
  await a.set("server/2", true);
  assert.equal(a.has("server/2"), true);
  const late: string[] = [];
  const c = await openDraining({ store, changed: (server, draining) => late.push(`${server} ${draining}`) });
  assert.deepEqual([c.has("server/2"), c.has("server1"), late], [true, false, ["server/2 true"]]);
  await a.set("server/2", false);
  await told.promise;
  assert.deepEqual(changes, ["server/2 true", "server/2 false"]);
  assert.deepEqual([a.has("server/2"), b.has("server/2")], [false, false]);
  ended.abort();
});

test("what the watch tells late does not undo what was said since", async () => {
  const memory = createMemoryStore();
  const release = Promise.withResolvers<void>();
  const store: Store = {
    ...memory,
    async *watch(prefix, after, signal) {
      for await (const row of memory.watch(prefix, after, signal)) {
        await release.promise;
        yield row;
        if (row.value === undefined) seen.resolve();
      }
    },
  };
  const seen = Promise.withResolvers<void>();
  const ended = new AbortController();
  const changes: boolean[] = [];
  const draining = await openDraining({
    ...{ store, following: { signal: ended.signal, clock } },
    changed: (_server, is) => changes.push(is),
  });
  await draining.set("server2", true);
  await draining.set("server2", false);
  await draining.set("server2", true);
  await draining.set("server2", false);
  release.resolve();
  await seen.promise;
  assert.deepEqual(changes, [true, false, true, false]);
  ended.abort();
});

test("an install that was sent to a server is its own until it is over", () => {
  const permit = (host: string, state: PermitState, server?: string) =>
    ({ host, state, ...(server && { server }) }) as Permit;
  const permits = [
    ...[permit("a", "started", "server2"), permit("b", "writing", "server2"), permit("c", "used", "server2")],
    ...[permit("d", "issued", "server2"), permit("e", "writing", "server1"), permit("f", "started")],
  ];
  assert.deepEqual(installsAt(permits, "server2"), ["a", "b"]);
});
