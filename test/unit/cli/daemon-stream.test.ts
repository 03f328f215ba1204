import assert from "node:assert/strict";
import { test } from "node:test";
import { followStream, type StreamItem, type StreamOptions } from "../../../src/cli/daemon-stream.ts";
import { answer, beginStream, createHastyClock, message, startFakeDaemon } from "../../support/fake-daemon.ts";

const DEADLINE = { timeout: 30_000 };

/** What the stream gives, in short; the test goes through it step by step. */
function follow(socket: string, options: Partial<StreamOptions> = {}) {
  const stopping = new AbortController();
  const items = followStream({
    ...{ door: { socket }, path: "/stream", clock: createHastyClock(0), signal: stopping.signal, silenceMs: 20_000 },
    ...options,
  });
  const shortOf = (item: StreamItem | undefined) => {
    if (item?.kind === "message") return `${item.message.event} ${item.message.data}`;
    return item?.kind === "away" ? `away: ${item.text}` : item?.kind;
  };
  return {
    next: async () => shortOf((await items.next()).value),
    /** The next that is not `item`. */
    nextAfter: async (item: string) => {
      for (;;) {
        const found = shortOf((await items.next()).value);
        if (found !== item) return found;
      }
    },
    stop: () => stopping.abort(),
  };
}

test("goes on behind the last whole message after a break, and through a restart", DEADLINE, async (t) => {
  let calls = 0;
  const daemon = await startFakeDaemon(t, (_, response) => {
    calls += 1;
    // The first time it breaks in the middle of its second message.
    if (calls === 1) {
      beginStream(response, message("event", 1, "a"), "event: event\nid: b\ndata: 2\n");
      response.write("data: more", () => response.destroy());
    } else beginStream(response, message("event", calls, `c${calls}`));
  });
  const stream = follow(daemon.socket, { lastId: "start" });
  assert.deepEqual([await stream.next(), await stream.next()], ["open", "event 1"]);
  assert.equal(await stream.next(), "away: the connection to the daemon broke");
  assert.deepEqual([await stream.next(), await stream.next()], ["open", "event 2"]);
  await daemon.stop();
  assert.equal(await stream.next(), "away: the connection to the daemon broke");
  const absent = `away: no daemon answers at ${daemon.socket}: start it with \`everboot up\``;
  assert.equal(await stream.next(), absent);
  await daemon.start();
  assert.equal(await stream.nextAfter(absent), "open");
  assert.equal(await stream.next(), "event 3");
  assert.deepEqual(daemon.asked, ["/stream start", "/stream a", "/stream c2"]);
  stream.stop();
  assert.equal(await stream.next(), undefined);
});

test("ends when it is stopped while it waits, and before it began", DEADLINE, async (t) => {
  const daemon = await startFakeDaemon(t, (_, response) => beginStream(response));
  const stream = follow(daemon.socket);
  assert.equal(await stream.next(), "open");
  const next = stream.next();
  stream.stop();
  assert.equal(await next, undefined);
  const other = follow(daemon.socket);
  other.stop();
  assert.equal(await other.next(), undefined);
});

test("a daemon that hangs is told, before its answer and after it", DEADLINE, async (t) => {
  let calls = 0;
  const daemon = await startFakeDaemon(t, (_, response) => {
    calls += 1;
    if (calls > 1) beginStream(response);
  });
  const stream = follow(daemon.socket, { silenceMs: 100 });
  assert.match((await stream.next()) ?? "", /^away: the daemon at .* has sent nothing for/);
  assert.equal(await stream.next(), "open");
  assert.match((await stream.next()) ?? "", /^away: the daemon at .* has sent nothing for/);
  stream.stop();
});

test("what will not pass by itself is an error, what may pass is not", DEADLINE, async (t) => {
  let calls = 0;
  const daemon = await startFakeDaemon(t, (_, response) => {
    calls += 1;
    if (calls === 1) answer(response, { code: "store-unavailable", text: "not now" }, 503);
    else answer(response, { code: "host-unknown", text: "no host vm9 in the site file" }, 404);
  });
  const stream = follow(daemon.socket);
  assert.equal(await stream.next(), "away: not now");
  await assert.rejects(stream.next(), { code: "host-unknown", message: "no host vm9 in the site file" });
});
