/** A store that can be made to fail, before or after it has written. */
import { EverbootError } from "../../src/base/errors.ts";
import type { Store } from "../../src/store/store.ts";

/** `down` = nothing is written; `unsure` = written, and yet the answer is an error, as when a connection breaks. */
export type StoreMood = "well" | "down" | "unsure";

export interface FlakyStore extends Store {
  mood: StoreMood;
}

export function createFlakyStore(store: Store): FlakyStore {
  const flaky: FlakyStore = {
    ...store,
    mood: "well",
    async get(key) {
      if (flaky.mood === "down") throw new EverbootError("store-unavailable");
      return await store.get(key);
    },
    async commit(change) {
      if (flaky.mood === "down") throw new EverbootError("store-unavailable");
      const result = await store.commit(change);
      if (flaky.mood === "unsure") throw new EverbootError("store-unavailable");
      return result;
    },
  };
  return flaky;
}
