/** A way to a store that can be cut, and can lose answers or hold requests up. */
import { EverbootError } from "../../src/base/errors.ts";
import { createPulse } from "../../src/store/follow.ts";
import type { Change, CommitResult, Store } from "../../src/store/store.ts";

/**
 * - `down`: nothing gets through
 * - `unsure`: a commit is done and its answer lost, some time later; watches go on
 * - `late`: a commit gets through only when `letThrough` is called; its answer is lost
 */
export type PartitionMood = "well" | "down" | "unsure" | "late";

export interface Partition extends Store {
  setMood(mood: PartitionMood): void;
  /** What was held up arrives now, oldest first. */
  letThrough(): Promise<void>;
}

export function createPartition(store: Store): Partition {
  const cut = createPulse();
  let mood: PartitionMood = "well";
  let held: Change[] = [];

  function assertWell(): void {
    if (mood !== "well") throw new EverbootError("store-unavailable");
  }

  async function commit(change: Change): Promise<CommitResult> {
    if (mood === "late") held.push(change);
    if (mood !== "unsure") assertWell();
    const result = await store.commit(change);
    // Time for a watch to tell of it before the answer is given up.
    if (mood === "unsure") for (let turns = 0; turns < 4; turns++) await new Promise(setImmediate);
    assertWell();
    return result;
  }

  return {
    setMood(next) {
      mood = next;
      if (next === "down" || next === "late") cut.beat();
    },
    async letThrough() {
      const late = held;
      held = [];
      for (const change of late) await store.commit(change);
    },
    async get(key) {
      assertWell();
      return await store.get(key);
    },
    async list(prefix) {
      assertWell();
      return await store.list(prefix);
    },
    commit,
    async *watch(prefix, after, signal) {
      if (mood !== "unsure") assertWell();
      const broken = new AbortController();
      void cut.next().then(() => broken.abort());
      yield* store.watch(prefix, after, AbortSignal.any([signal, broken.signal]));
      if (!signal.aborted) throw new EverbootError("store-unavailable");
    },
    close: async () => {},
  };
}

/** A process's hold on a store that outlives it: `end` is kill -9. */
export interface MortalStore extends Store {
  /** After so many more commits, default 0, nothing gets through any more. */
  end(afterCommits?: number): void;
}

export function createMortalStore(store: Store): MortalStore {
  let commitsLeft = Number.POSITIVE_INFINITY;

  function assertAlive(): void {
    if (commitsLeft <= 0) throw new EverbootError("store-unavailable");
  }

  return {
    end(afterCommits = 0) {
      commitsLeft = afterCommits;
    },
    async get(key) {
      assertAlive();
      return await store.get(key);
    },
    async list(prefix) {
      assertAlive();
      return await store.list(prefix);
    },
    async commit(change) {
      assertAlive();
      commitsLeft -= 1;
      return await store.commit(change);
    },
    async *watch(prefix, after, signal) {
      for await (const row of store.watch(prefix, after, signal)) {
        assertAlive();
        yield row;
      }
    },
    close: async () => {},
  };
}
