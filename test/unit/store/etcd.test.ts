/** The calls of the etcd store, over a transport that answers as a test says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EverbootError } from "../../../src/base/errors.ts";
import { openEtcdStore } from "../../../src/store/etcd.ts";
import type { EtcdAnswer, EtcdTransport } from "../../../src/store/etcd-transport.ts";
import { driveToEnd } from "../../support/drive.ts";
import { createFakeClock } from "../../support/fake-clock.ts";

interface Call {
  readonly member: string;
  readonly path: string;
  readonly body: Record<string, unknown>;
}

/** What a member does with a call: a status and a body (text as it is, all else as JSON), `silent` or `refused`. */
type Reaction = { readonly status?: number; readonly body: unknown } | "silent" | "refused";

function createWorld(react: (call: Call, count: number) => Reaction) {
  const clock = createFakeClock();
  const calls: Call[] = [];
  const transport: EtcdTransport = {
    async post(url, text, signal): Promise<EtcdAnswer> {
      const [, member = "", path = ""] = /^http:\/\/(\w+)(\/.*)$/.exec(url) ?? [];
      const call = { member, path, body: JSON.parse(text) as Record<string, unknown> };
      calls.push(call);
      const reaction = react(call, calls.length);
      if (reaction === "refused") throw new Error("ECONNREFUSED");
      if (reaction === "silent") return await untilAborted(signal);
      return {
        status: reaction.status ?? 200,
        chunks: textIn(typeof reaction.body === "string" ? reaction.body : JSON.stringify(reaction.body)),
      };
    },
    close() {},
  };
  const endpoints = ["http://e1", "http://e2", "http://e3"];
  const random = (bytes: number) => new Uint8Array(bytes);
  const store = openEtcdStore({ endpoints, prefix: "p/", writer: "s1", clock, random, transport });
  return { clock, calls, store };
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

async function* textIn(text: string): AsyncGenerator<string> {
  // Broken where it hurts: in the middle.
  yield text.slice(0, text.length >> 1);
  yield text.slice(text.length >> 1);
}

const encode = (text: string) => Buffer.from(text).toString("base64");
const header = { revision: "7" };
const kvOf = (key: string, value: string, revision: number) => ({
  key: encode(`p/k/${key}`),
  value: encode(value),
  mod_revision: String(revision),
});
const refusal = (code: number, message: string, status = 503): Reaction => ({ status, body: { code, message } });

async function failsWith(store: Promise<unknown>): Promise<EverbootError> {
  const error = await store.then(
    () => assert.fail("it succeeded"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof EverbootError, String(error));
  assert.equal(error.code, "store-unavailable");
  return error;
}

test("a call goes on with the next member when one is dead, frozen, or without a leader", async () => {
  const reactions: Reaction[] = ["refused", "silent", refusal(14, "etcdserver: no leader")];
  const { clock, calls, store } = createWorld(
    (_, count) => reactions[count - 1] ?? { body: { header, kvs: [kvOf("a", "1", 5)] } },
  );
  const begun = clock.now();
  assert.deepEqual(await driveToEnd(clock, store.get("a")), { key: "a", value: "1", revision: 5 });
  assert.deepEqual(
    calls.map(({ member }) => member),
    ["e1", "e2", "e3", "e1"],
  );
  assert.ok(clock.now() - begun < 600, `${clock.now() - begun} ms`);
});

test("the member that answered is asked first the next time", async () => {
  const { clock, calls, store } = createWorld(({ member }) =>
    member === "e2" ? { body: { header } } : refusal(4, "context deadline exceeded", 504),
  );
  await driveToEnd(clock, store.get("a"));
  await driveToEnd(clock, store.get("b"));
  assert.deepEqual(
    calls.map(({ member }) => member),
    ["e1", "e2", "e2"],
  );
});

test("an outage rejects within about a second, also for those that wait their turn", async () => {
  const { clock, store } = createWorld(() => "silent");
  const begun = clock.now();
  const commits = Array.from({ length: 500 }, (_, n) => store.commit({ put: [{ key: `k${n % 250}`, value: "1" }] }));
  const all = Promise.all([...commits, store.get("a"), store.list("")].map(failsWith));
  await driveToEnd(clock, all);
  assert.ok(clock.now() - begun <= 1_200, `${clock.now() - begun} ms`);
});

test("what etcd refuses for good is not tried again", async () => {
  const { clock, calls, store } = createWorld(() => refusal(3, "etcdserver: too many operations in txn request", 400));
  const error = await driveToEnd(clock, failsWith(store.commit({ put: [{ key: "a", value: "1" }] })));
  assert.match(String(error.cause), /too many operations/);
  assert.equal(calls.length, 1);
});

test("something else that listens there is an outage, and its text stays inside", async () => {
  const { clock, store } = createWorld(() => ({ status: 404, body: "<h1>Welcome to nginx</h1>" }));
  const error = await driveToEnd(clock, failsWith(store.get("a")));
  assert.equal(error.message, "the state cannot be read now; try again");
});

test("a commit whose answer was lost finds its own mark, and so its revision; it is not made twice", async () => {
  let id = "";
  const { clock, calls, store } = createWorld(({ body }, count) => {
    if (count > 1) return { body: { header, responses: [range([{ ...kvOf("", id, 6), value: id }])] } };
    id = markValueOf(body);
    return "silent";
  });
  const result = await driveToEnd(clock, store.commit({ put: [{ key: "a", value: "1" }] }));
  assert.deepEqual(result, { kind: "committed", revision: 6 });
  assert.deepEqual(calls[0]?.body, calls[1]?.body);
});

test("a mark that another life of this writer has moved is learned, and then used", async () => {
  const { clock, calls, store } = createWorld((_, count) =>
    count === 1
      ? { body: { header, responses: [range([kvOf("", "another", 41)])] } }
      : { body: { header: { revision: "42" }, succeeded: true } },
  );
  const result = await driveToEnd(clock, store.commit({ put: [{ key: "a", value: "1" }] }));
  assert.deepEqual(result, { kind: "committed", revision: 42 });
  assert.deepEqual(calls.map(markRevisionOf), ["0", "41"]);
});

test("a conflict after a lost answer moves the mark first, so that the lost request cannot come in later", async () => {
  const { clock, calls, store } = createWorld((_, count) => {
    if (count === 1) return "silent";
    if (count === 2) return { body: { header, responses: [range([]), range([kvOf("a", "9", 9)])] } };
    return { body: { header: { revision: "10" }, succeeded: true } };
  });
  const change = { expect: [{ key: "a", revision: 0 }], put: [{ key: "a", value: "1" }] };
  assert.deepEqual(await driveToEnd(clock, store.commit(change)), { kind: "conflict", key: "a" });
  assert.equal(calls.length, 3);
  const [, , third] = calls;
  assert.ok(third);
  assert.equal((third.body.success as unknown[]).length, 1, "nothing but the mark");
});

test("lists are read in pages of one revision, and anew when that is compacted meanwhile", async () => {
  const pages: Reaction[] = [
    { body: { header, kvs: [kvOf("a", "1", 3)], more: true } },
    refusal(11, "etcdserver: mvcc: required revision has been compacted", 400),
    { body: { header: { revision: "9" }, kvs: [kvOf("a", "2", 8)], more: true } },
    { body: { header: { revision: "11" }, kvs: [kvOf("b", "1", 4)] } },
  ];
  const { clock, calls, store } = createWorld((_, count) => pages[count - 1] ?? "refused");
  const rows = await driveToEnd(clock, store.list(""));
  assert.deepEqual(rows, [
    { key: "a", value: "2", revision: 8 },
    { key: "b", value: "1", revision: 4 },
  ]);
  assert.deepEqual(
    calls.map(({ body }) => body.revision),
    ["0", "7", "0", "9"],
  );
  assert.equal(calls[3]?.body.key, encode("p/k/a\0"));
});

test("a watch that no member takes rejects", async () => {
  const { clock, store } = createWorld(() => "refused");
  const watch = store.watch("", 0, new AbortController().signal)[Symbol.asyncIterator]();
  await driveToEnd(clock, failsWith(watch.next()));
});

function range(kvs: unknown[]) {
  return { response_range: { header, kvs } };
}

/** Base64, as it was sent. */
function markValueOf(body: Record<string, unknown>): string {
  const [mark] = body.success as Array<{ request_put: { value: string } }>;
  return mark?.request_put.value ?? "";
}

function markRevisionOf({ body }: Call): string | undefined {
  const [mark] = body.compare as Array<{ mod_revision: string }>;
  return mark?.mod_revision;
}
