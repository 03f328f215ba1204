/** Live views: the fleet and the journal as they go on, for many, for slow ones and for those who come back. */
import assert from "node:assert/strict";
import { type IncomingMessage, request } from "node:http";
import { type TestContext, test } from "node:test";
import { MOST_STREAMS } from "../../../../src/server/api/streams.ts";
import { createFakeClock } from "../../../support/fake-clock.ts";
import { type ApiRack, apiRack } from "./api-rack.ts";

interface Message {
  readonly event: string;
  readonly id?: string;
  readonly data: unknown;
}

interface Reader {
  readonly response: IncomingMessage;
  readonly status: number;
  readonly messages: Message[];
  /** Resolves when so many messages have come. */
  until(count: number): Promise<void>;
  readonly comments: string[];
  close(): void;
}

function messageOf(block: string): Message {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
  const id = field("id");
  return { event: field("event") ?? "", data: JSON.parse(field("data") ?? "null"), ...(id !== undefined && { id }) };
}

function follow(t: TestContext, { socket }: ApiRack, path: string, headers: Record<string, string> = {}) {
  return new Promise<Reader>((resolve, reject) => {
    const call = request({ socketPath: socket, path, headers, agent: false }, (response) => {
      const [messages, comments]: [Message[], string[]] = [[], []];
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        const blocks = text.split("\n\n");
        text = blocks.pop() ?? "";
        for (const block of blocks) {
          if (block.startsWith(":")) comments.push(block);
          else messages.push(messageOf(block));
        }
        response.emit("told");
      });
      response.on("error", () => {});
      const until = async (count: number) => {
        while (messages.length < count) await new Promise((told) => response.once("told", told));
      };
      resolve({ response, status: response.statusCode ?? 0, messages, comments, until, close: () => call.destroy() });
    });
    call.on("error", reject);
    call.end();
    t.after(() => call.destroy());
  });
}

function dataOf<T>(message: Message | undefined): T {
  assert.ok(message);
  return message.data as T;
}

async function offer(rack: ApiRack, host: string, count = 1): Promise<void> {
  for (let each = 0; each < count; each++)
    await rack.journal.append({ host, stage: "dhcp", what: "offer", facts: { asking: "firmware", count: each } });
}

test("the fleet comes whole, then each host that changes, and the servers each second", async (t) => {
  const clock = createFakeClock();
  const rack = await apiRack(t, { api: { clock } });
  const reader = await follow(t, rack, "/api/v1/stream");
  await reader.until(2);
  const [fleet, servers] = reader.messages;
  const { hosts, ...about } = dataOf<{ hosts: ReadonlyArray<{ host: string }> }>(fleet);
  assert.deepEqual(about, { now: clock.now(), server: "server1", site: rack.site.name });
  assert.deepEqual(
    hosts.map(({ host }) => host),
    [...rack.site.hosts.keys()],
  );
  assert.equal(servers?.event, "servers");
  await rack.permits.issue("cli129");
  clock.advance(250);
  await reader.until(3);
  assert.deepEqual(reader.messages[2], {
    event: "hosts",
    data: {
      ...{ now: clock.now(), gone: [] },
      hosts: [
        { host: "cli129", profile: "base", state: "permitted", awaiting: "the machine to boot from the network" },
      ],
    },
  });
  clock.advance(750);
  await reader.until(4);
  assert.equal(reader.messages[3]?.event, "servers");
});

test("what changes with time alone is told too", async (t) => {
  const clock = createFakeClock();
  const rack = await apiRack(t, { api: { clock } });
  await rack.permits.issue("cli129", { lifetimeMs: 60_000 });
  const reader = await follow(t, rack, "/api/v1/stream");
  await reader.until(2);
  for (let second = 0; second < 61; second++) clock.advance(1000);
  while (!reader.messages.some(({ event }) => event === "hosts")) await reader.until(reader.messages.length + 1);
  const told = reader.messages.find(({ event }) => event === "hosts");
  const { hosts } = dataOf<{ hosts: ReadonlyArray<{ host: string; state: string }> }>(told);
  assert.deepEqual(
    hosts.map(({ host, state }) => [host, state]),
    [["cli129", "expired"]],
  );
});

test("events come as they happen, of one host or of all", async (t) => {
  const rack = await apiRack(t);
  const [all, one] = [
    await follow(t, rack, "/api/v1/events/stream"),
    await follow(t, rack, "/api/v1/events/stream?host=cli129"),
  ];
  await offer(rack, "cli128", 3);
  await offer(rack, "cli129");
  await Promise.all([all.until(4), one.until(1)]);
  const hosts = ({ messages }: Reader) => messages.map(({ data }) => (data as { host: string }).host);
  assert.deepEqual(hosts(all), ["cli128", "cli128", "cli128", "cli129"]);
  assert.deepEqual(hosts(one), ["cli129"]);
  assert.ok(all.messages.every(({ id, data }) => id === (data as { id: string }).id));
});

test("who comes back goes on where he was, here and after a restart", async (t) => {
  const rack = await apiRack(t);
  const first = await follow(t, rack, "/api/v1/events/stream");
  await offer(rack, "cli128", 4);
  await first.until(4);
  const ids = first.messages.map(({ id }) => id ?? "");
  const again = await follow(t, rack, "/api/v1/events/stream", { "last-event-id": ids[1] ?? "" });
  await again.until(2);
  assert.deepEqual(
    again.messages.map(({ id }) => id),
    ids.slice(2),
  );
  // Another life of the daemon knows the journal alone: it begins a little earlier, and each event has its id.
  const other = await apiRack(t, { operations: { journal: rack.journal }, api: { subscribe: () => () => {} } });
  const later = await follow(t, other, `/api/v1/events/stream?after=${ids[1]}`);
  await later.until(4);
  assert.deepEqual(later.messages.map(({ id }) => id).sort(), [...ids].sort());
});

test("10,000 events reach a reader that takes its time, in order and once", async (t) => {
  const rack = await apiRack(t);
  const reader = await follow(t, rack, "/api/v1/events/stream");
  reader.response.pause();
  for (let count = 0; count < 10_000; count++)
    rack.journal.record({
      host: `h${count % 50}`,
      stage: "packages",
      what: "served",
      facts: { path: "x".repeat(200), count },
    });
  reader.response.resume();
  await reader.until(10_000);
  const counts = reader.messages.map(({ data }) => (data as { facts: { count: number } }).facts.count);
  assert.deepEqual(counts, [...Array(10_000).keys()]);
});

test("a reader who is gone for longer than events are kept is cut off, and others go on", async (t) => {
  const rack = await apiRack(t);
  const reader = await follow(t, rack, "/api/v1/events/stream");
  reader.response.pause();
  for (let count = 0; count < 30_000; count++)
    rack.journal.record({
      host: `h${count % 50}`,
      stage: "packages",
      what: "served",
      facts: { path: "x".repeat(200) },
    });
  const ended = new Promise((resolve) => reader.response.once("close", resolve));
  reader.response.resume();
  await ended;
  assert.ok(reader.messages.length < 30_000);
  assert.equal(rack.api.counters().streams, 0);
});

test("a stream that is silent says each 15 s that it lives", async (t) => {
  const clock = createFakeClock();
  const rack = await apiRack(t, { api: { clock } });
  const reader = await follow(t, rack, "/api/v1/events/stream");
  while (reader.comments.length < 1) await new Promise((told) => reader.response.once("told", told));
  clock.advance(15_000);
  while (reader.comments.length < 2) await new Promise((told) => reader.response.once("told", told));
  assert.equal(rack.api.counters().streams, 1);
});

test(`${MOST_STREAMS} live views are open at most, and a place is free again when one ends`, async (t) => {
  const rack = await apiRack(t);
  const readers: Reader[] = [];
  for (let count = 0; count < MOST_STREAMS; count++) readers.push(await follow(t, rack, "/api/v1/stream"));
  const more = await follow(t, rack, "/api/v1/stream");
  assert.deepEqual([more.status, more.response.headers["retry-after"]], [503, "15"]);
  readers[0]?.close();
  while (rack.api.counters().streams === MOST_STREAMS) await new Promise((resolve) => setImmediate(resolve));
  assert.equal((await follow(t, rack, "/api/v1/stream")).status, 200);
});
