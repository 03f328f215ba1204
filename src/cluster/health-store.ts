/** A store that knows whether it can still be written: a full disk is noticed by the first report that it cannot keep. */
import type { Clock, Timer } from "../base/clock.ts";
import type { CommitResult, Store } from "../store/store.ts";
import type { Writable } from "./health.ts";

/** Milliseconds from a failure to the next attempt. */
const RETRY_MS = 1000;
const KEY = "health/attempt";
/** In bytes, as the longest report: a disk that takes less than that is full. */
const ATTEMPT = JSON.stringify("x".repeat(64 << 10));

/**
 * The same store, watched. After a commit that failed it is tried by a commit of its own every second until one
 * succeeds: a server that has lost its clients for this would else never have another one.
 */
export function watchWrites(store: Store, clock: Clock): Store & Writable {
  let failure: unknown;
  let retry: Timer | undefined;
  let closed = false;

  async function commit(change: Parameters<Store["commit"]>[0]): Promise<CommitResult> {
    try {
      const result = await store.commit(change);
      if (result.kind === "committed") failure = undefined;
      return result;
    } catch (error) {
      if (!closed) failed(error);
      throw error;
    }
  }

  function failed(error: unknown): void {
    failure = error;
    retry?.cancel();
    retry = clock.after(RETRY_MS, () => {
      if (failure !== undefined) attempt().catch(() => undefined);
    });
  }

  async function attempt(): Promise<void> {
    await commit({ put: [{ key: KEY, value: ATTEMPT }] });
    await commit({ remove: [KEY] });
  }

  return {
    get: (key) => store.get(key),
    list: (prefix) => store.list(prefix),
    watch: (prefix, after, signal) => store.watch(prefix, after, signal),
    commit,
    failure: () => failure,
    async close() {
      closed = true;
      retry?.cancel();
      await store.close();
    },
  };
}
