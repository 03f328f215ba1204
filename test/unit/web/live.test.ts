import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { DELAYS, SILENCE } from "../../../web/src/connection.ts";
import { type Live, startLive } from "../../../web/src/live.ts";
import type { HostSummary } from "../../../web/src/shapes.ts";
import { createFakeClock } from "../../support/fake-clock.ts";

/** A server's end of the stream. */
interface Opened {
  send(event: string, data: unknown): void;
  end(): void;
  readonly signal: AbortSignal;
}

const START = 5_000_000;
const SERVER_AHEAD = 90_000;

function setUp(answers: readonly (number | "refused-connection")[] = []) {
  const clock = createFakeClock(START);
  const opened: Opened[] = [];
  const announced: string[] = [];
  let tries = 0;
  const open = async (signal: AbortSignal): Promise<Response> => {
    const status = answers[tries] ?? 200;
    tries += 1;
    if (status === "refused-connection") throw new TypeError("fetch failed");
    if (status !== 200) return new Response(null, { status });
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const lost = () => {};
    opened.push({
      signal,
      send: (event, data) => {
        writer.write(new TextEncoder().encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)).catch(lost);
      },
      end: () => writer.close().catch(lost),
    });
    return new Response(readable);
  };
  const live = startLive({
    open,
    clock,
    announce: (text) => announced.push(text),
    measured: () => {},
    stopwatch: () => 0,
  });
  return { clock, live, opened, announced, tries: () => tries };
}

/** Runs what is under way between streams and promises; no time passes. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await setImmediate();
}

function fleet(now: number, ...hosts: HostSummary[]) {
  return { now, server: "one", site: "lab", hosts };
}

const booting: HostSummary = { host: "vm1", profile: "web", state: "booting" };

function stateOf(live: Live) {
  return live.known().connection.kind;
}

test("the fleet is known from its first message on, and follows what changes", async () => {
  const { clock, live, opened, announced } = setUp();
  assert.equal(stateOf(live), "connecting");
  await settle();
  assert.equal(stateOf(live), "connecting");
  opened[0]?.send("fleet", fleet(START + SERVER_AHEAD, booting));
  await settle();
  assert.equal(stateOf(live), "live");
  opened[0]?.send("hosts", { now: START + SERVER_AHEAD, hosts: [{ ...booting, state: "failed" }], gone: [] });
  await settle();
  assert.equal(live.known().fleet?.hosts.get("vm1")?.state, "failed");
  assert.deepEqual(announced, ["vm1 failed"]);
  clock.advance(1000);
  assert.equal(live.now(), START + SERVER_AHEAD + 1000);
});

test("rates are kept by server; a dead one's is not known", async () => {
  const { live, opened } = setUp();
  await settle();
  opened[0]?.send("servers", [
    { name: "one", alive: true, rate: 10 },
    { name: "two", alive: false, rate: 99 },
  ]);
  await settle();
  const { rates } = live.known();
  assert.deepEqual(
    ["", "one", "two"].map((name) => rates.get(name)?.samples),
    [[10], [10], [undefined]],
  );
});

test("when the stream ends that is said with the time of the last news, and time stands still", async () => {
  const { clock, live, opened } = setUp([200, 503, "refused-connection", 200]);
  await settle();
  opened[0]?.send("fleet", fleet(START + SERVER_AHEAD, booting));
  await settle();
  clock.advance(700);
  opened[0]?.end();
  await settle();
  assert.deepEqual(live.known().connection, { kind: "lost", since: START });
  clock.advance(DELAYS[0]);
  await settle();
  assert.equal(live.now(), START + SERVER_AHEAD);
  assert.deepEqual(live.known().connection, { kind: "lost", since: START });
});

test("it is tried again, ever more slowly, until the fleet is told anew", async () => {
  const { clock, live, opened, tries } = setUp([200, 503, "refused-connection", 200]);
  await settle();
  opened[0]?.send("fleet", fleet(START, booting));
  await settle();
  opened[0]?.end();
  await settle();
  for (const [place, delay] of DELAYS.slice(0, 3).entries()) {
    clock.advance(delay - 1);
    await settle();
    assert.equal(tries(), place + 1);
    clock.advance(1);
    await settle();
    assert.equal(tries(), place + 2);
  }
  // It is open, and has said nothing: what is shown is still old.
  assert.equal(stateOf(live), "lost");
  opened[1]?.send("fleet", fleet(START + 9000, { ...booting, state: "verified" }));
  await settle();
  assert.equal(stateOf(live), "live");
  assert.equal(live.known().fleet?.hosts.get("vm1")?.state, "verified");
});

test("a stream that falls silent is given up", async () => {
  const { clock, live, opened } = setUp();
  await settle();
  opened[0]?.send("fleet", fleet(START, booting));
  await settle();
  clock.advance(SILENCE - 1);
  await settle();
  assert.equal(stateOf(live), "live");
  clock.advance(1);
  await settle();
  assert.equal(stateOf(live), "lost");
  assert.equal(opened[0]?.signal.aborted, true);
});

test("a server that wants a log-in is not asked again", async () => {
  const { clock, live, tries } = setUp([401]);
  await settle();
  assert.equal(stateOf(live), "refused");
  clock.advance(60_000);
  await settle();
  assert.equal(tries(), 1);
});

test("after it is closed nothing is opened any more", async () => {
  const { clock, live, opened, tries } = setUp();
  await settle();
  live.close();
  await settle();
  clock.advance(60_000);
  await settle();
  assert.equal(opened[0]?.signal.aborted, true);
  assert.equal(tries(), 1);
});
