/**
 * What a replica knows beside its data, and how rows of the cluster and deliveries move it. Pure.
 *
 * Two layers: the cluster's word on each key, exactly as it was at `position`, and over it the facts that wait in the
 * outbox. A key without waiting facts is kept once; of the others the cluster's word is kept as a `Truth`.
 */
import {
  CHAIN,
  type Chain,
  chainKey,
  changeOf,
  DATA,
  type Fact,
  factKey,
  POSITION,
  type Remote,
  readRemote,
  TRUTH,
  type Truth,
  type Writes,
  writeRemote,
  writeTruth,
} from "./replica-keys.ts";
import type { Change, Deleted, Entry, Revision } from "./store.ts";

export type Row = Entry | Deleted;

export interface ReplicaState {
  /** Revision of the cluster that the copy has reached. */
  readonly position: Revision;
  readonly chain: Chain;
  /** In the order in which they were acknowledged. */
  readonly facts: readonly Fact[];
  /** Of each key that a waiting fact has written. */
  readonly truths: ReadonlyMap<string, Truth>;
}

/**
 * Decides what a key is to hold that this server wrote while the cluster was away, and someone else wrote as well;
 * `undefined` = it is to be absent. All servers must come to the same end in whatever order they deliver: the result
 * must not depend on which is mine and which is theirs, and merging the same once more must change nothing.
 */
export type Resolve = (key: string, mine: string | undefined, theirs: string | undefined) => string | undefined;

/** Writes that a delivery may hold: etcd takes 128 unless told otherwise, and the chain is one of them. */
const MAX_WRITES = 100;

/** Takes rows of the cluster in, one commit after the other. */
export class Intake {
  private readonly server: string;
  private readonly facts: Fact[];
  private readonly truths: Map<string, Truth>;
  private position: Revision;
  private chain: Chain;

  constructor(state: ReplicaState, server: string) {
    this.server = server;
    this.facts = [...state.facts];
    this.truths = new Map(state.truths);
    this.position = state.position;
    this.chain = state.chain;
  }

  get state(): ReplicaState {
    const { position, chain, facts, truths } = this;
    return { position, chain, facts, truths };
  }

  /** What the local store must write for the rows of one commit; nothing at all for a server's heartbeat. */
  take(rows: readonly Row[], revision: Revision): Writes {
    const writes: Writes = new Map();
    for (const row of rows) if (row.key.startsWith(DATA)) this.takeRow(writes, row);
    const own = rows.find(({ key }) => key === chainKey(this.server));
    if (own?.value !== undefined) this.settle(writes, { id: own.value, revision: own.revision });
    this.position = revision;
    if (writes.size > 0) writes.set(POSITION, String(revision));
    return writes;
  }

  private takeRow(writes: Writes, row: Row): void {
    const remote: Remote = row.value === undefined ? readRemote(undefined) : row;
    const truth = this.truths.get(row.key);
    if (truth) this.setTruth(writes, row.key, { ...truth, revision: remote.revision, value: remote.value });
    else writes.set(row.key, visible(remote));
  }

  /** The delivery has come back: the facts up to its id are the cluster's now. */
  private settle(writes: Writes, chain: Chain): void {
    this.chain = chain;
    writes.set(CHAIN, JSON.stringify(chain));
    const settled = this.facts.splice(0, this.facts.findIndex(({ id }) => id === chain.id) + 1);
    const waiting = new Set(this.facts.flatMap((fact) => [...fact.writes.keys()]));
    for (const { number } of settled) writes.set(factKey(number), undefined);
    for (const key of new Set(settled.flatMap((fact) => [...fact.writes.keys()]))) {
      const truth = this.truths.get(key);
      if (truth && waiting.has(key)) this.setTruth(writes, key, { ...truth, base: truth.revision });
      else if (truth) this.uncover(writes, key, truth);
    }
  }

  private setTruth(writes: Writes, key: string, truth: Truth): void {
    this.truths.set(key, truth);
    writes.set(TRUTH + key, writeTruth(truth));
  }

  private uncover(writes: Writes, key: string, truth: Truth): void {
    this.truths.delete(key);
    writes.set(TRUTH + key, undefined);
    writes.set(key, visible(truth));
  }
}

function visible({ revision, value }: Remote): string | undefined {
  return value === undefined ? undefined : writeRemote({ revision, value });
}

/**
 * The next facts to deliver, in one commit that also moves the chain on from `chain`; `undefined` = none wait. What the
 * facts only expected is not asked again: they are acknowledged. Where someone else has written a key since, `resolve`
 * decides, and a key that is already as decided is left alone.
 */
export function nextDelivery(
  state: ReplicaState,
  server: string,
  chain: Revision,
  resolve: Resolve,
): Change | undefined {
  const { id, writes } = nextFacts(state.facts);
  if (id === undefined) return undefined;
  const delivered: Writes = new Map([[chainKey(server), id]]);
  const expect = [{ key: chainKey(server), revision: chain }];
  for (const [key, mine] of writes) {
    const truth = state.truths.get(key) ?? { revision: 0, value: undefined, base: 0 };
    const isOurs = truth.revision === truth.base;
    const value = isOurs ? mine : resolve(key.slice(DATA.length), mine, truth.value);
    expect.push({ key, revision: truth.revision });
    if (value !== truth.value) delivered.set(key, value);
  }
  return changeOf(delivered, expect);
}

/** As many as fit into one commit, and one at least: the last word of them on each key, and the id of the last. */
function nextFacts(facts: readonly Fact[]): { readonly id: string | undefined; readonly writes: Writes } {
  const writes: Writes = new Map();
  let id: string | undefined;
  for (const fact of facts) {
    if (id !== undefined && writes.size + fact.writes.size > MAX_WRITES) break;
    for (const [key, value] of fact.writes) writes.set(key, value);
    id = fact.id;
  }
  return { id, writes };
}
