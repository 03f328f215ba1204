/**
 * The store of a cluster: etcd 3.4 or later, over its JSON gateway. Revisions are etcd's own: they grow with every
 * commit, and with what others write to the same etcd. What the members of etcd must be started with: docs/cluster-state.md.
 */
import type { Clock } from "../base/clock.ts";
import { storeUnavailable } from "./change.ts";
import { EtcdClient, EtcdRefusal, type Patience } from "./etcd-client.ts";
import { EtcdCommitter } from "./etcd-commit.ts";
import { readKey, readPrefix } from "./etcd-read.ts";
import { createEtcdTransport, type EtcdTls, type EtcdTransport } from "./etcd-transport.ts";
import { watchEtcd } from "./etcd-watch.ts";
import { createKeySpace } from "./etcd-wire.ts";
import type { Store } from "./store.ts";

export interface EtcdStoreOptions {
  /** Client addresses of the members, the nearest first: `http://127.0.0.1:2379`. */
  readonly endpoints: readonly string[];
  /** All keys of this store begin with it, in etcd: `everboot/`. No store's prefix may begin with another's. */
  readonly prefix: string;
  /** Name of this server: no other store that is open on this prefix may have it. */
  readonly writer: string;
  readonly clock: Clock;
  /** So many bytes of cryptographic randomness: `randomBytes` of node:crypto. */
  readonly random: (bytes: number) => Uint8Array;
  readonly tls?: EtcdTls;
  /** Default: HTTP with connections that are kept open. */
  readonly transport?: EtcdTransport;
  /** Milliseconds that one member gets to answer, default 300: above what a loaded LAN needs, below an election. */
  readonly callMs?: number;
  /** Milliseconds after which a call rejects, default 1000: two elections at the settings of docs/cluster-state.md. */
  readonly patienceMs?: number;
}

/**
 * Nothing is sent before the first call. An outage rejects with `store-unavailable` after `patienceMs`. A commit whose
 * answer was lost is asked after within that time (etcd-commit.ts); one that rejects may still take effect later, once
 * at most: expect revisions where that matters.
 */
export function openEtcdStore(options: EtcdStoreOptions): Store {
  const { writer, clock, callMs = 300, patienceMs = 1_000 } = options;
  const transport = options.transport ?? createEtcdTransport(options.tls);
  const space = createKeySpace(options.prefix);
  const probeKey = space.keyOf("");
  const client = new EtcdClient({ endpoints: options.endpoints, clock, transport, callMs, patienceMs, probeKey });
  const incarnation = Buffer.from(options.random(8)).toString("hex");
  const committer = new EtcdCommitter({ client, space, writer, incarnation });
  const closed = new AbortController();
  const underWay = new Set<Promise<unknown>>();

  /** `close` waits for what is under way. */
  async function whileOpen<T>(work: (patience: Patience) => Promise<T>): Promise<T> {
    if (closed.signal.aborted) throw storeUnavailable(new Error("the store is closed"));
    const patience = client.patience();
    const working = work(patience);
    underWay.add(working);
    try {
      return await working;
    } catch (error) {
      throw error instanceof EtcdRefusal ? storeUnavailable(error) : error;
    } finally {
      underWay.delete(working);
      patience.end();
    }
  }

  return {
    get: (key) => whileOpen((patience) => readKey(client, space, key, patience)),
    list: (prefix) => whileOpen(async (patience) => (await readPrefix(client, space, prefix, patience)).entries),
    commit: (change) => whileOpen((patience) => committer.commit(change, patience)),
    watch: (prefix, after, signal) => watchEtcd({ client, space, prefix, after, signal, closed: closed.signal }),
    async close() {
      closed.abort();
      await Promise.allSettled(underWay);
      client.close();
    },
  };
}
