import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { afterEach, test } from "node:test";
import { type Ipv4, parseCidr, parseIpv4 } from "../../../../src/base/address.ts";
import { EverbootError } from "../../../../src/base/errors.ts";
import { type DnsSite, dnsSite } from "../../../../src/server/dns/judge.ts";
import type { DnsOptions, DnsServer } from "../../../../src/server/dns/server.ts";
import {
  answerBytes,
  ask,
  askTcp,
  askUdp,
  dataOf,
  type FakeNameServer,
  framed,
  queryBytes,
  read,
  startDns,
  startNameServer,
} from "../../../support/dns.ts";
import { createFakeClock } from "../../../support/fake-clock.ts";
import { exampleSite } from "../../../support/sites.ts";

const LIMITS = { timeout: 20_000 };
const NAME = "ftp.youyuanyin.org";
/** Fake name servers are at 127.0.0.1, and servers that are asked may not ask in turn. */
const CLIENT = "127.0.0.2";
const CLI128 = "cli128.youyuanyin.org";
const closing: Array<() => Promise<unknown>> = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function ip(text: string): Ipv4 {
  const address = parseIpv4(text);
  assert.ok(address);
  return address;
}

function loopbackSite(forwarders: readonly FakeNameServer[] = []): DnsSite {
  const cidr = parseCidr("127.0.0.0/8");
  assert.ok(cidr);
  const plain = dnsSite(exampleSite("pair"), []);
  return { ...plain, subnets: [cidr], forwarders: forwarders.map(({ peer }) => peer) };
}

async function start(more: Partial<DnsOptions> = {}, site = loopbackSite()): Promise<DnsServer> {
  const server = await startDns(site, more);
  closing.push(() => server.stop());
  return server;
}

async function nameServer(reply: Parameters<typeof startNameServer>[0]): Promise<FakeNameServer> {
  const server = await startNameServer(reply);
  closing.push(server.close);
  return server;
}

test("the install name's addresses go round, whatever else is asked between", LIMITS, async () => {
  const addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(ip);
  const { port } = await start({ installAddresses: () => addresses });
  const firsts: unknown[] = [];
  for (let asked = 0; asked < 4; asked += 1) {
    firsts.push(dataOf(await ask(port, NAME, "A"))[0]);
    // As glibc does.
    await ask(port, NAME, "AAAA");
  }
  assert.deepEqual(firsts, ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.1"]);
});

test("a server that died is not in the next answer", LIMITS, async () => {
  const live = new Set(["10.0.0.1", "10.0.0.2"].map(ip));
  const { port } = await start({ installAddresses: () => [...live] });
  assert.equal(dataOf(await ask(port, NAME, "A")).length, 2);
  live.delete(ip("10.0.0.1"));
  const reply = await ask(port, NAME, "A");
  assert.deepEqual(dataOf(reply), ["10.0.0.2"]);
  const [first] = reply.answers ?? [];
  assert.ok(first?.type === "A" && first.ttl === 2, "and nobody remembers it for longer than two seconds");
});

test("who asks for the install name is told to the port", LIMITS, async () => {
  const clients: Ipv4[] = [];
  const { port } = await start({
    installAddresses: (client) => {
      clients.push(client);
      return [ip("10.0.0.1")];
    },
  });
  await askUdp(port, queryBytes(NAME, "A"), "127.0.0.9");
  await askTcp(port, [queryBytes(NAME, "A")]);
  assert.deepEqual(clients, ["127.0.0.9", "127.0.0.1"]);
});

test("what is too long for a datagram comes over TCP", LIMITS, async () => {
  const addresses = Array.from({ length: 60 }, (_, place) => ip(`10.0.0.${place}`));
  const server = await start({ installAddresses: () => addresses });
  assert.equal((await ask(server.port, NAME, "A")).flag_tc, true);
  assert.equal((await ask(server.port, NAME, "A", { edns: 4096 })).flag_tc, true);
  const [whole] = await askTcp(server.port, [queryBytes(NAME, "A")]);
  assert.ok(whole);
  assert.equal(dataOf(read(whole)).length, 60);
  assert.equal(server.counters().truncated, 2);
});

test("several questions on one connection, in any pieces, after which the client closes its side", LIMITS, async () => {
  const server = await start();
  const messages = Array.from({ length: 50 }, (_, id) => queryBytes(CLI128, "A", { id }));
  const replies = await askTcp(server.port, messages);
  assert.deepEqual(
    replies.map((bytes) => [read(bytes).id, dataOf(read(bytes))[0]]),
    messages.map((_, id) => [id, "192.168.0.128"]),
  );
  const socket = connect(server.port, "127.0.0.1").setNoDelay(true);
  closing.push(async () => socket.destroy());
  const reply = once(socket, "data");
  for (const byte of framed(queryBytes(CLI128, "A", { id: 7 }))) socket.write(Buffer.of(byte));
  const [bytes] = (await reply) as [Buffer];
  assert.equal(read(bytes.subarray(2)).id, 7);
  assert.equal(server.counters()["over-tcp"], 51);
});

test("a quick answer does not wait for a slow one", LIMITS, async () => {
  const silent = await nameServer(() => undefined);
  const { port } = await start({ clock: createFakeClock() }, loopbackSite([silent]));
  const socket = connect({ port, host: "127.0.0.1", localAddress: CLIENT });
  closing.push(async () => socket.destroy());
  const slow = queryBytes("www.other.example", "A", { id: 1 });
  socket.write(Buffer.concat([slow, queryBytes(CLI128, "A", { id: 2 })].map(framed)));
  const [bytes] = (await once(socket, "data")) as [Buffer];
  assert.equal(read(bytes.subarray(2)).id, 2);
});

/** Resolves when the server has closed it. */
function closedConnection(port: number, from: string): Promise<unknown> {
  const socket = connect({ port, host: "127.0.0.1", localAddress: from }).resume();
  socket.on("error", () => {});
  closing.push(async () => socket.destroy());
  return once(socket, "close");
}

test("connections: so many of one client, and so many in all", LIMITS, async () => {
  const server = await start({ maxPerClient: 1, maxConnections: 2 });
  for (const from of ["127.0.0.1", "127.0.0.2"]) {
    void closedConnection(server.port, from);
    await closedConnection(server.port, from);
  }
  await closedConnection(server.port, "127.0.0.3");
  assert.equal(server.counters()["drop.too-many-connections"], 3);
});

test("a connection on which nothing is said is closed", LIMITS, async () => {
  const server = await start({ idleMs: 20 });
  await closedConnection(server.port, "127.0.0.1");
  assert.equal(server.counters()["drop.too-many-connections"], undefined);
});

test("past its rate a network is told to ask over TCP, or nothing; TCP goes on", LIMITS, async () => {
  const none = { burst: 0, rate: 0 };
  const server = await start({ limits: { site: none, others: none } });
  const socket = createSocket("udp4");
  closing.push(async () => socket.close());
  const query = queryBytes(CLI128, "A", { edns: 1232 });
  const reply = once(socket, "message");
  for (let asked = 0; asked < 2; asked += 1) socket.send(query, server.port, "127.0.0.1");
  const [bytes] = (await reply) as [Buffer];
  assert.deepEqual([read(bytes).flag_tc, read(bytes).answers, bytes.length], [true, [], query.length]);
  const [whole] = await askTcp(server.port, [query]);
  assert.ok(whole);
  assert.deepEqual(dataOf(read(whole)), ["192.168.0.128"]);
  const { slip, "drop.rate": dropped, request } = server.counters();
  assert.deepEqual({ slip, dropped, request }, { slip: 1, dropped: 1, request: 3 });
});

test("names of others come from the forwarder, and from memory the second time", LIMITS, async () => {
  const answers = [{ type: "A" as const, name: "www.other.example", ttl: 60, data: "10.9.9.9" }];
  const other = await nameServer((query) => answerBytes(query, { answers }));
  const server = await start({}, loopbackSite([other]));
  for (const id of [1, 2]) {
    const reply = await ask(server.port, "www.other.example", "A", { id, from: CLIENT });
    assert.deepEqual([reply.id, dataOf(reply), reply.flag_ra, reply.flag_aa], [id, ["10.9.9.9"], true, false]);
  }
  const { "forward.server": asked, "forward.cache": kept } = server.counters();
  assert.deepEqual([asked, kept, other.asked.udp], [1, 1, 1]);
});

test("when no forwarder answers, that is an outage", LIMITS, async () => {
  const broken = await nameServer((query) => answerBytes(query, { rcode: 5 }));
  const server = await start({}, loopbackSite([broken]));
  assert.equal((await ask(server.port, "www.other.example", "A", { from: CLIENT })).rcode, "SERVFAIL");
  assert.equal(server.counters()["forward.silent"], 1);
});

test("the site file of the moment counts", LIMITS, async () => {
  let site = loopbackSite();
  const { port } = await start({ site: () => site });
  assert.equal((await ask(port, "vm1.lab.example", "A")).rcode, "REFUSED");
  site = { ...dnsSite(exampleSite("single"), []), subnets: site.subnets };
  assert.equal((await ask(port, "vm1.lab.example", "A")).rcode, "NOERROR");
});

test("a fault of ours is counted, and the next query is answered", LIMITS, async () => {
  let isBroken: boolean = true;
  const server = await start({
    installAddresses: () => {
      if (isBroken) throw new Error("broken");
      return [ip("10.0.0.1")];
    },
  });
  assert.deepEqual(await askTcp(server.port, [queryBytes(NAME, "A")]), []);
  isBroken = false;
  assert.deepEqual(dataOf(await ask(server.port, NAME, "A")), ["10.0.0.1"]);
  assert.equal(server.counters()["drop.internal"], 1);
});

test("answers are timed", LIMITS, async () => {
  const server = await start();
  await ask(server.port, CLI128, "A");
  const counts = server.durations?.().map(([name, { count }]) => [name, count]);
  assert.deepEqual(counts, [
    ["dns-answer.forward", 0],
    ["dns-answer.own", 1],
  ]);
});

test("a port in use is told by the error table, for UDP and for TCP; stop can be called twice", LIMITS, async () => {
  const server = await start();
  const tcp = createServer().listen(0, "127.0.0.1");
  await once(tcp, "listening");
  closing.push(() => new Promise((resolve) => tcp.close(resolve)));
  const address = tcp.address();
  assert.ok(typeof address === "object" && address);
  for (const port of [server.port, address.port]) {
    await assert.rejects(start({ port }), (error) => error instanceof EverbootError && error.code === "port-in-use");
  }
  await server.stop();
  await server.stop();
});
