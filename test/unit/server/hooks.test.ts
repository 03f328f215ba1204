/** Web hooks: who is told of what, in which order, and what becomes of it when nobody listens. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import type { FleetChange } from "../../../src/server/api/feed.ts";
import type { HostSummary } from "../../../src/server/api/shapes.ts";
import { createHooks, type HookBody, type HookMessage } from "../../../src/server/hooks/hooks.ts";
import type { Hook } from "../../../src/site/model.ts";
import { createFakeClock } from "../../support/fake-clock.ts";

type State = HostSummary["state"];

function summary(host: string, state: State, started = 1): HostSummary {
  return { host, profile: "base", state, started };
}

/** A feed that is told what to tell. */
function fakeFeed() {
  const listeners = new Set<(change: FleetChange) => void>();
  return {
    hosts: () => [],
    followers: () => listeners.size,
    follow(listener: (change: FleetChange) => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    tell(host: string, before: State, state: State, started?: number) {
      const [now, then] = [summary(host, state, started), summary(host, before, started)];
      for (const listener of listeners)
        listener({ changed: [{ summary: now, text: JSON.stringify(now), before: then }], gone: [] });
    },
  };
}

const HOOK: Hook = { url: "http://hook.example/secret", events: ["failed", "verified"] };

interface Sent {
  readonly url: string;
  readonly message: HookMessage;
  readonly body: HookBody;
}

async function rackOf(t: TestContext, options: { hooks?: readonly Hook[]; isFirst?: (host: string) => boolean } = {}) {
  const { isFirst = () => true } = options;
  const site = { name: "home", hooks: options.hooks ?? [HOOK] };
  const clock = createFakeClock();
  const feed = fakeFeed();
  const sent: Sent[] = [];
  const answers: Array<number | Error> = [];
  const server = createHooks({
    ...{ feed, clock, log: silentLog, isFirst, server: "one", site: () => site },
    post: async (url, message) => {
      sent.push({ url, message, body: JSON.parse(message.body) as HookBody });
      const answer = answers.shift() ?? 200;
      if (typeof answer === "number") return answer;
      throw answer;
    },
  });
  await server.start();
  t.after(() => server.stop());
  return { clock, feed, sent, answers, server, site };
}

/** Lets what is under way come to its next pause. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test("the hosts are followed as long as the site file has hooks", async (t) => {
  const { feed, server, site, sent } = await rackOf(t);
  site.hooks = [];
  server.siteChanged();
  assert.equal(feed.followers(), 0);
  site.hooks = [HOOK];
  server.siteChanged();
  server.siteChanged();
  assert.equal(feed.followers(), 1);
  feed.tell("vm1", "installing", "failed");
  await settle();
  assert.equal(sent.length, 1);
});

test("a hook is told of the states that it names, with all that is known", async (t) => {
  const { feed, sent, clock } = await rackOf(t);
  feed.tell("vm1", "booting", "installing");
  feed.tell("vm1", "installing", "failed");
  feed.tell("vm1", "failed", "failed");
  await settle();
  assert.deepEqual(
    sent.map(({ url, body: { id: _id, ...body } }) => ({ url, body })),
    [
      {
        url: HOOK.url,
        body: {
          ...{ at: clock.now(), site: "home", server: "one", host: "vm1", state: "failed", before: "installing" },
          status: summary("vm1", "failed"),
        },
      },
    ],
  );
});

test("the first live server of the host's order tells, and the same change has the same id", async (t) => {
  const [one, two] = [await rackOf(t), await rackOf(t, { isFirst: (host) => host === "vm2" })];
  for (const { feed } of [one, two]) {
    feed.tell("vm1", "installing", "failed");
    feed.tell("vm2", "installing", "failed");
    feed.tell("vm2", "installing", "failed", 2);
  }
  await settle();
  assert.deepEqual(
    two.sent.map(({ body }) => body.host),
    ["vm2", "vm2"],
  );
  const ids = one.sent.filter(({ body }) => body.host === "vm2").map(({ body }) => body.id);
  assert.deepEqual(
    two.sent.map(({ body }) => body.id),
    ids,
  );
  assert.equal(new Set(ids).size, 2);
});

test("what fails is tried again in its order, other hosts go on meanwhile", async (t) => {
  const { feed, sent, answers, clock, server } = await rackOf(t);
  answers.push(503, 200, new Error("connection refused"));
  feed.tell("vm1", "installing", "failed");
  feed.tell("vm2", "installing", "failed");
  feed.tell("vm1", "installing", "verified");
  await settle();
  const told = () => sent.map(({ body }) => `${body.host} ${body.state}`);
  assert.deepEqual(told(), ["vm1 failed", "vm2 failed"]);
  clock.advance(1000);
  await settle();
  clock.advance(2000);
  await settle();
  assert.deepEqual(told(), ["vm1 failed", "vm2 failed", "vm1 failed", "vm1 failed", "vm1 verified"]);
  assert.deepEqual(server.counters(), { sent: 3, failures: 2, lost: 0, waiting: 0 });
});

test("after an hour a message is given up, and the next one has its turn", async (t) => {
  const { feed, sent, answers, clock, server } = await rackOf(t);
  answers.push(...Array<number>(40).fill(500));
  feed.tell("vm1", "installing", "failed");
  feed.tell("vm1", "installing", "verified");
  const began = clock.now();
  while (server.counters().lost === 0 && clock.now() - began < 4_000_000) {
    clock.advance(1000);
    await settle();
  }
  assert.equal(server.counters().lost, 1);
  assert.ok(clock.now() - began > 3_000_000, "it was tried for nearly an hour");
  assert.ok(sent.length < 30, `${sent.length} tries are no hammering`);
  answers.length = 0;
  clock.advance(300_000);
  await settle();
  assert.equal(sent.at(-1)?.body.state, "verified");
});

test("no more than a thousand wait; the rest is counted", async (t) => {
  const { feed, answers, server } = await rackOf(t);
  answers.push(...Array<number>(2000).fill(500));
  for (let host = 0; host < 1100; host++) feed.tell(`vm${host}`, "installing", "failed");
  await settle();
  assert.equal(server.counters().lost, 100);
  assert.equal(server.counters().waiting, 1000);
});

test("a message is signed with its time; the secret is read when it is sent", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "everboot-hook-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const secretFile = join(folder, "secret");
  const { feed, sent, clock, server } = await rackOf(t, { hooks: [{ ...HOOK, secretFile }] });
  feed.tell("vm1", "installing", "failed");
  while (server.counters().failures === 0) await settle();
  assert.equal(sent.length, 0, "without its secret nothing is sent");
  writeFileSync(secretFile, "our secret\n");
  clock.advance(1000);
  while (sent.length === 0) await settle();
  const { headers = {}, body = "" } = sent[0]?.message ?? {};
  const time = Math.floor(clock.now() / 1000);
  const hmac = createHmac("sha256", "our secret").update(`${time}.${body}`).digest("hex");
  assert.equal(headers["everboot-signature"], `t=${time},v1=${hmac}`);
});

test("it is a POST of JSON, and a redirection is no success", async (t) => {
  const seen: string[] = [];
  const listener = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers["content-type"]}`);
    response.writeHead(seen.length === 1 ? 302 : 200, { location: "/elsewhere" }).end();
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  t.after(() => listener.close());
  const { port } = listener.address() as AddressInfo;
  const clock = createFakeClock();
  const feed = fakeFeed();
  const hooks: readonly Hook[] = [{ url: `http://127.0.0.1:${port}/hook`, events: ["failed"] }];
  const site = () => ({ name: "home", hooks });
  const server = createHooks({ feed, clock, log: silentLog, isFirst: () => true, server: "one", site });
  await server.start();
  t.after(() => server.stop());
  feed.tell("vm1", "installing", "failed");
  while (server.counters().failures === 0) await settle();
  clock.advance(1000);
  while (server.counters().sent === 0) await settle();
  assert.deepEqual(seen, Array(2).fill("POST /hook application/json"));
});
