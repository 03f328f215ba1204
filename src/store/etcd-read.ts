/** Reading etcd: one key, or all that begin with a prefix as they were at one revision. */
import { type EtcdClient, EtcdRefusal, type Patience } from "./etcd-client.ts";
import { type KeySpace, type RangeAnswer, revisionOf } from "./etcd-wire.ts";
import type { Entry, Revision } from "./store.ts";

/** Keys per answer: with the 1.5 MiB that etcd takes for a request, an answer stays well within a gateway's buffers. */
const PAGE = 1_000;
/** gRPC `OutOfRange`: the revision was compacted. */
const COMPACTED = 11;

export async function readKey(
  client: EtcdClient,
  space: KeySpace,
  key: string,
  patience: Patience,
): Promise<Entry | undefined> {
  const { answer } = await client.call("/v3/kv/range", { key: space.keyOf(key) }, patience);
  const kv = (answer as RangeAnswer).kvs?.[0];
  return kv && space.entryOf(kv);
}

/** In order of key, and the revision at which it was so. */
export async function readPrefix(
  client: EtcdClient,
  space: KeySpace,
  prefix: string,
  patience: Patience,
): Promise<{ readonly entries: readonly Entry[]; readonly revision: Revision }> {
  for (;;) {
    try {
      return await readPages(client, space, prefix, patience);
    } catch (error) {
      // The pages of a slow reader may be compacted away under its hands: then it reads the newer ones.
      if (!(error instanceof EtcdRefusal && error.code === COMPACTED)) throw error;
    }
  }
}

async function readPages(client: EtcdClient, space: KeySpace, prefix: string, patience: Patience) {
  const range = space.rangeOf(prefix);
  const entries: Entry[] = [];
  let revision: Revision = 0;
  let { key } = range;
  for (;;) {
    const request = { ...range, key, limit: PAGE, revision: String(revision) };
    const answer = (await client.call("/v3/kv/range", request, patience)).answer as RangeAnswer;
    if (revision === 0) revision = revisionOf(answer);
    const page = (answer.kvs ?? []).map(space.entryOf);
    entries.push(...page);
    const last = page.at(-1);
    if (!answer.more || !last) return { entries, revision };
    key = space.keyOf(`${last.key}\0`);
  }
}
