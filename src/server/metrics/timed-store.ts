/** A store whose commits are timed: what a report, a permit or a lease waits for. */
import type { Store } from "../../store/store.ts";
import type { Histogram } from "../histogram.ts";

/** The same store; each commit that succeeds is counted, a conflict too. */
export function timedStore(store: Store, commits: Histogram): Store {
  return {
    get: (key) => store.get(key),
    list: (prefix) => store.list(prefix),
    watch: (prefix, after, signal) => store.watch(prefix, after, signal),
    close: () => store.close(),
    async commit(change) {
      const started = commits.start();
      const result = await store.commit(change);
      commits.end(started);
      return result;
    },
  };
}
