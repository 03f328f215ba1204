/** Real senders against the syslog receiver on the loopback interface. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, test } from "node:test";
import { promisify } from "node:util";
import { EverbootError } from "../../src/base/errors.ts";
import { silentLog } from "../../src/base/log.ts";
import {
  createSyslogServer,
  type ReceivedMessage,
  type SyslogOptions,
  type SyslogServer,
} from "../../src/server/syslog/server.ts";
import { clockAhead } from "../../src/wire/syslog-message.ts";
import { startSyslog } from "../support/syslog.ts";

const run = promisify(execFile);
const LOOPBACK = "127.0.0.1";
const NOW = 1_700_000_000_000;
const clock = { now: () => NOW, after: () => ({ cancel: () => {} }) };
const LOGGER =
  spawnSync("logger", ["--version"]).error === undefined ? false : "needs logger of package util-linux (bsdutils)";

let server: SyslogServer;
let received: ReceivedMessage[];
let arrived: () => void;

/** Resolves when `count` messages are there; the test's own timeout bounds the wait. */
function messages(count: number): Promise<readonly ReceivedMessage[]> {
  return new Promise((resolve) => {
    arrived = () => {
      if (received.length >= count) resolve(received);
    };
    arrived();
  });
}

/** Resolves when the connection is closed, by whatever way. */
function closed(connection: Socket): Promise<void> {
  connection.on("error", () => {});
  return new Promise((resolve) => connection.on("close", () => resolve()));
}

function startSomewhere(more: Partial<SyslogOptions> = {}): Promise<SyslogServer> {
  return startSyslog({
    ...{ clock, maxConnections: 1, ...more },
    onMessage: ({ stamp, ...message }) => {
      // The client's own clock.
      if (stamp !== undefined) assert.ok(clockAhead(stamp, NOW) !== undefined, stamp);
      received.push(message);
      arrived();
    },
  });
}

beforeEach(async () => {
  received = [];
  arrived = () => {};
  server = await startSomewhere();
});

afterEach(() => server.stop());

const EXPECTED = { client: LOOPBACK, at: NOW, severity: 3, program: "partman", text: "no disk: none" };
const senders = [
  { name: "UDP, RFC 5424", flags: ["--udp", "--rfc5424"], transport: "udp" },
  { name: "UDP, RFC 3164", flags: ["--udp", "--rfc3164"], transport: "udp" },
  { name: "TCP, lines", flags: ["--tcp"], transport: "tcp" },
  { name: "TCP, counted", flags: ["--tcp", "--octet-count"], transport: "tcp" },
];
for (const { name, flags, transport } of senders) {
  test(`logger: ${name}`, { skip: LOGGER, timeout: 20_000 }, async () => {
    const target = ["-n", LOOPBACK, "-P", String(server.port)];
    await run("logger", [...flags, ...target, "-p", "user.err", "-t", "partman", "no disk: none"]);
    assert.deepEqual(await messages(1), [EXPECTED]);
    assert.equal(server.counters()[`message.${transport}`], 1);
  });
}

test("a connection past the limit is dropped and counted; the first goes on", { timeout: 20_000 }, async () => {
  const first = connect(server.port, LOOPBACK);
  first.write("<11>one\n");
  await messages(1);
  const second = connect(server.port, LOOPBACK).resume();
  await closed(second);
  first.end("<11>two");
  assert.deepEqual(
    (await messages(2)).map(({ text }) => text),
    ["one", "two"],
  );
  assert.equal(server.counters()["drop.too-many-connections"], 1);
});

test("one client gets no more connections than its share", { timeout: 20_000 }, async () => {
  await server.stop();
  server = await startSomewhere({ maxConnections: 10, maxPerClient: 1 });
  const first = connect(server.port, LOOPBACK);
  first.write("<11>one\n");
  await messages(1);
  await closed(connect(server.port, LOOPBACK).resume());
  const other = connect({ port: server.port, host: LOOPBACK, localAddress: "127.0.0.2" });
  other.end("<11>two\n");
  assert.deepEqual(
    (await messages(2)).map(({ client, text }) => `${client} ${text}`),
    ["127.0.0.1 one", "127.0.0.2 two"],
  );
  assert.equal(server.counters()["drop.too-many-connections"], 1);
  first.destroy();
});

test("strangers are not heard, and counted", { timeout: 20_000 }, async () => {
  await server.stop();
  server = await startSomewhere({ knows: (client) => client === "127.0.0.2" });
  await closed(connect(server.port, LOOPBACK).resume());
  const datagrams = createSocket("udp4");
  await new Promise<void>((sent) => datagrams.send("<11>no", server.port, LOOPBACK, () => sent()));
  const known = createSocket("udp4");
  known.bind(0, "127.0.0.2");
  await once(known, "listening");
  known.send("<11>yes", server.port, LOOPBACK);
  assert.deepEqual(
    (await messages(1)).map(({ text }) => text),
    ["yes"],
  );
  assert.equal(server.counters()["drop.stranger"], 2);
  datagrams.close();
  known.close();
});

test("a flood is cut off, and counted", { timeout: 20_000 }, async () => {
  await server.stop();
  server = await startSomewhere({ allowance: { burst: 10, rate: 1 } });
  const connection = connect(server.port, LOOPBACK).resume();
  connection.end(Array.from({ length: 1000 }, (_, n) => `<11>line ${n}\n`).join(""));
  await closed(connection);
  assert.equal(received.length, 10);
  assert.equal(server.counters()["drop.flood"], 990);
});

test("a message without an end closes its connection", { timeout: 20_000 }, async () => {
  const connection = connect(server.port, LOOPBACK).resume();
  connection.write("x".repeat(200_000));
  await closed(connection);
  assert.deepEqual(received, []);
  assert.equal(server.counters()["drop.too-long"], 1);
});

test("stop closes connections, and can be called twice", { timeout: 20_000 }, async () => {
  const connection = connect(server.port, LOOPBACK).resume();
  const end = closed(connection);
  connection.write("<11>one\n");
  await messages(1);
  await server.stop();
  await server.stop();
  await end;
});

test("a port in use is told by the error table, for UDP and for TCP", async () => {
  const other = createServer().listen(0, LOOPBACK);
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  for (const taken of [server.port, port]) {
    const second = createSyslogServer({ address: LOOPBACK, port: taken, log: silentLog, onMessage: () => {} });
    await assert.rejects(second.start(), (error) => error instanceof EverbootError && error.code === "port-in-use");
  }
  other.close();
});
