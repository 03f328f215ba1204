import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { Answer, DecodedPacket } from "dns-packet";
import { Forwarder } from "../../../../src/server/dns/forwarder.ts";
import { decodeDnsQuery } from "../../../../src/wire/dns-message.ts";
import { encodeRelay, relayedOf } from "../../../../src/wire/dns-relay.ts";
import { answerBytes, dataOf, type FakeNameServer, queryBytes, read, startNameServer } from "../../../support/dns.ts";
import { createFakeClock } from "../../../support/fake-clock.ts";

const LIMITS = { timeout: 20_000 };
const opened: FakeNameServer[] = [];

afterEach(async () => {
  for (const server of opened.splice(0)) await server.close();
});

async function nameServer(reply: Parameters<typeof startNameServer>[0]): Promise<FakeNameServer> {
  const server = await startNameServer(reply);
  opened.push(server);
  return server;
}

function queryFor(name: string) {
  const incoming = decodeDnsQuery(queryBytes(name, "A"));
  assert.ok(incoming.kind === "query");
  return incoming.query;
}

const a = (data: string, ttl = 60): Answer => ({ type: "A", name: "www.other.example", ttl, data });
const answering = (data: string, ttl?: number) => (query: DecodedPacket) =>
  answerBytes(query, { answers: [a(data, ttl)] });

async function resolved(forwarder: Forwarder, servers: readonly FakeNameServer[], name = "www.other.example") {
  const query = queryFor(name);
  const found = await forwarder.ask(
    relayedOf(query),
    servers.map(({ peer }) => peer),
  );
  if (found.kind === "failed") return found.reason;
  const reply = read(encodeRelay(query, found.answer, found.age, 0xffff).bytes);
  return { from: found.from, rcode: reply.rcode, data: dataOf(reply), ttl: ttlOf(reply) };
}

function ttlOf({ answers: [first] = [] }: DecodedPacket): number | undefined {
  return first && "ttl" in first ? first.ttl : undefined;
}

test("an answer is remembered for as long as it says, and told with what is left of that", LIMITS, async () => {
  const clock = createFakeClock();
  const forwarder = new Forwarder({ clock });
  const server = await nameServer(answering("10.0.0.1", 60));
  const fresh = { rcode: "NOERROR", data: ["10.0.0.1"], ttl: 60 };
  assert.deepEqual(await resolved(forwarder, [server]), { from: "server", ...fresh });
  clock.advance(59_500);
  assert.deepEqual(await resolved(forwarder, [server], "WWW.Other.Example"), { from: "cache", ...fresh, ttl: 1 });
  clock.advance(500);
  assert.deepEqual(await resolved(forwarder, [server]), { from: "server", ...fresh });
  assert.equal(server.asked.udp, 2);
});

test("who asks the same thing meanwhile shares the answer", LIMITS, async () => {
  const forwarder = new Forwarder();
  const server = await nameServer(answering("10.0.0.1"));
  const all = await Promise.all(Array.from({ length: 20 }, () => resolved(forwarder, [server])));
  assert.equal(all.length, 20);
  assert.equal(server.asked.udp, 1);
});

test("each question has an id of its own", LIMITS, async () => {
  const ids: (number | undefined)[] = [];
  const numbers = [11, 22];
  const forwarder = new Forwarder({ random: () => numbers.shift() ?? 0 });
  const server = await nameServer((query) => {
    ids.push(query.id);
    return answering("10.0.0.1", 0)(query);
  });
  await resolved(forwarder, [server]);
  await resolved(forwarder, [server]);
  assert.deepEqual(ids, [11, 22]);
});

test("a forged answer is not taken: the wait goes on", LIMITS, async () => {
  const clock = createFakeClock();
  const server = await nameServer((query) => {
    // Silence after it: the fake clock ends the wait.
    queueMicrotask(() => clock.advance(1000));
    return answering("10.6.6.6")({ ...query, id: (query.id ?? 0) ^ 1 });
  });
  assert.equal(await resolved(new Forwarder({ clock }), [server]), "silent");
  assert.equal(server.asked.udp, 2, "asked twice");
});

test("a truncated answer is asked for again over TCP", LIMITS, async () => {
  const many = Array.from({ length: 100 }, (_, place) => a(`10.0.0.${place}`));
  const server = await nameServer((query, transport) =>
    transport === "udp" ? answerBytes(query, { flags: 0x0200 }) : answerBytes(query, { answers: many }),
  );
  const found = await resolved(new Forwarder(), [server]);
  assert.ok(typeof found === "object" && found.data.length === 100);
  assert.deepEqual(server.asked, { udp: 1, tcp: 1 });
});

test("a server that fails or refuses is passed over, and asked last from then on", LIMITS, async () => {
  const forwarder = new Forwarder();
  const broken = await nameServer((query) => answerBytes(query, { rcode: 2 }));
  const good = await nameServer(answering("10.0.0.1", 0));
  await resolved(forwarder, [broken, good]);
  await resolved(forwarder, [broken, good]);
  assert.deepEqual([broken.asked.udp, good.asked.udp], [1, 2]);
});

test("a port that nobody listens on costs no wait", LIMITS, async () => {
  const closed = await startNameServer(() => undefined);
  await closed.close();
  const good = await nameServer(answering("10.0.0.1"));
  const found = await resolved(new Forwarder({ clock: createFakeClock() }), [closed, good]);
  assert.ok(typeof found === "object", "the clock stood still");
});

test("that a name is not there is told on", LIMITS, async () => {
  const server = await nameServer((query) => answerBytes(query, { rcode: 3 }));
  const found = await resolved(new Forwarder(), [server]);
  assert.deepEqual(found, { from: "server", rcode: "NXDOMAIN", data: [], ttl: undefined });
});

test("past 256 questions under way the next ones fail at once", LIMITS, async () => {
  const clock = createFakeClock();
  const forwarder = new Forwarder({ clock });
  const silent = await nameServer(() => undefined);
  const waiting = Array.from({ length: 256 }, (_, place) => resolved(forwarder, [silent], `n${place}.other.example`));
  assert.equal(await resolved(forwarder, [silent], "one-more.other.example"), "busy");
  let done = false;
  const all = Promise.all(waiting).then((outcomes) => {
    done = true;
    return outcomes;
  });
  while (!done) {
    clock.advance(1000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual([...new Set(await all)], ["silent"]);
});
