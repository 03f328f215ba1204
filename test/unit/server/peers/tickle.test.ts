import assert from "node:assert/strict";
import { test } from "node:test";
import { planTickles } from "../../../../src/server/peers/tickle.ts";
import { decodeTcpSegment, TCP_FLAG } from "../../../../src/wire/tcp-segment.ts";
import { connectionOf } from "./messages.ts";

test("every connection gets bare ACKs from the floating address, in order of time", () => {
  const connections = [connectionOf(40_000), connectionOf(40_001)];
  const plan = planTickles(connections);
  assert.equal(plan.length % connections.length, 0);
  const times = plan.map(({ after }) => after);
  assert.deepEqual(
    times,
    times.toSorted((x, y) => x - y),
  );
  for (const [index, { to, packet }] of plan.entries()) {
    const connection = connections[index % 2];
    const segment = decodeTcpSegment(packet);
    assert.equal(to, connection?.client.address);
    assert.deepEqual([segment.from, segment.to], [connection?.server, connection?.client]);
    assert.deepEqual([segment.flags, segment.payload.length], [TCP_FLAG.ack, 0]);
  }
});

test("the first goes at once, and some come more than half a second after the one before", () => {
  const times = planTickles([connectionOf(1)]).map(({ after }) => after);
  assert.equal(times[0], 0);
  const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  assert.ok(pauses.filter((pause) => pause > 500).length >= 2, String(pauses));
});

test("no receive window of 1 GiB holds the sequence numbers of two in a row", () => {
  const numbers = planTickles([connectionOf(1)]).map(({ packet }) => decodeTcpSegment(packet).sequence);
  for (const [index, number] of numbers.slice(1).entries()) {
    assert.ok((number - (numbers[index] ?? 0)) >>> 0 >= 2 ** 30);
  }
});

test("no connections, no tickles", () => assert.deepEqual(planTickles([]), []));
