import assert from "node:assert/strict";
import { test } from "node:test";
import { createEventsCommand } from "../../../src/cli/events.ts";
import {
  answer,
  beginStream,
  createHastyClock,
  createTestIo,
  message,
  startFakeDaemon,
} from "../../support/fake-daemon.ts";
import { NOW } from "../../support/watch-fleet.ts";

process.env.TZ = "UTC";
const DEADLINE = { timeout: 30_000 };
const events = createEventsCommand(createHastyClock(NOW));

/** The event number `count`, a second after the one before it. */
function event(count: number, host = "vm1") {
  const at = NOW - 3_600_000 + count * 1000;
  const facts = { text: `number ${count}` };
  return { id: `${String(at).padStart(13, "0")}-${count}`, at, host, boot: 1, stage: "script", what: "note", facts };
}

const sent = (count: number) => message("event", event(count), event(count).id);
const told = (lines: readonly string[]) => lines.map((line) => Number(/number (\d+)/.exec(line)?.[1]));

test("the newest, of one host, as lines and as JSON", DEADLINE, async (t) => {
  const daemon = await startFakeDaemon(t, (_, response) => answer(response, { items: [event(1), event(2)] }));
  const shown = createTestIo(t);
  assert.equal(await events.run(["vm1", "-n", "2", "--state", daemon.state], shown.io), 0);
  assert.deepEqual(shown.lines, ["11:03:12  vm1  script    note: number 1", "11:03:13  vm1  script    note: number 2"]);
  const json = createTestIo(t);
  await events.run(["--json", "--state", daemon.state], json.io);
  assert.deepEqual(
    json.lines,
    [event(1), event(2)].map((each) => JSON.stringify(each)),
  );
  assert.deepEqual(daemon.asked, ["/api/v1/hosts/vm1/events?limit=2", "/api/v1/events?limit=40"]);
});

test("--since goes through all pages", DEADLINE, async (t) => {
  const pages = [Array.from({ length: 1000 }, (_, place) => event(place)), [event(1000), event(1001)]];
  const daemon = await startFakeDaemon(t, (path, response) => {
    const items = pages[path.includes(event(999).id) ? 1 : 0] ?? [];
    answer(response, { items, next: items.at(-1)?.id });
  });
  const { io, lines } = createTestIo(t);
  await events.run(["--since", "1h", "--state", daemon.state], io);
  assert.deepEqual(
    told(lines),
    Array.from({ length: 1002 }, (_, place) => place),
  );
  const since = NOW - 3_600_000;
  assert.deepEqual(daemon.asked, [
    `/api/v1/events?limit=1000&after=${since}`,
    `/api/v1/events?limit=1000&after=${event(999).id}`,
  ]);
});

test("following through a restart of the daemon none is lost and none told twice", DEADLINE, async (t) => {
  let streams = 0;
  const daemon = await startFakeDaemon(t, (path, response) => {
    if (!path.includes("stream")) return answer(response, { items: [1, 2, 3].map((count) => event(count)) });
    streams += 1;
    if (streams === 1) return beginStream(response, sent(4), sent(5));
    // A daemon that was restarted begins a little earlier.
    return beginStream(response, ...[2, 3, 4, 5, 6, 7].map(sent));
  });
  const { io, lines, printed, stop } = createTestIo(t);
  const running = events.run(["-f", "-n", "2", "--state", daemon.state], io);
  await printed(4);
  await daemon.stop();
  await printed(5);
  await daemon.start();
  await printed(7);
  stop();
  assert.equal(await running, 0);
  assert.deepEqual(told(lines.filter((line) => !line.startsWith("!"))), [2, 3, 4, 5, 6, 7]);
  // It is said once, however often it was tried.
  assert.deepEqual(
    lines.filter((line) => line.startsWith("!")),
    ["! everboot: the connection to the daemon broke: trying again"],
  );
  assert.deepEqual(daemon.asked, [
    "/api/v1/events?limit=1000",
    `/api/v1/events/stream ${event(3).id}`,
    `/api/v1/events/stream ${event(5).id}`,
  ]);
});

test("a journal without an event is followed from its beginning", DEADLINE, async (t) => {
  const daemon = await startFakeDaemon(t, (path, response) => {
    if (path.includes("stream")) beginStream(response, sent(1));
    else answer(response, { items: [] });
  });
  const { io, lines, printed, stop } = createTestIo(t);
  const running = events.run(["vm1", "-f", "--state", daemon.state], io);
  await printed(1);
  stop();
  await running;
  assert.deepEqual(told(lines), [1]);
  assert.equal(daemon.asked[1], "/api/v1/events/stream?host=vm1 0000000000000");
});

test("misuse is told in one line", DEADLINE, async (t) => {
  const { io } = createTestIo(t);
  await assert.rejects(events.run(["-n", "0"], io), { code: "usage", message: /-n 0: say how many/ });
  await assert.rejects(events.run(["-n", "5", "--since", "1h"], io), { code: "usage" });
  await assert.rejects(events.run(["one", "two"], io), { code: "usage", message: /usage: everboot events/ });
});
