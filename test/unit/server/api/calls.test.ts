/** What the calls answer: pages, entity tags, keys of requests, errors. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventPage } from "../../../../src/server/api/event-log.ts";
import { createFakeClock } from "../../../support/fake-clock.ts";
import { exampleText, siteOf } from "../../../support/sites.ts";
import { apiRack } from "./api-rack.ts";

interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

function siteWith(hosts: number) {
  const more = Array.from({ length: hosts }, (_, index) => {
    const mac = `52:54:00:00:01:${(index + 16).toString(16)}`;
    return `  m${index}: {nics: ["${mac}"], address: 192.168.0.${20 + index}, profile: base}\n`;
  });
  return siteOf(exampleText("pair") + more.join(""));
}

test("hosts come in pages, in the order of the site file, chosen by state and text", async (t) => {
  const rack = await apiRack(t, { site: siteWith(30) });
  await rack.permits.issue("m7");
  const names: string[] = [];
  let after = "";
  for (let pages = 0; pages < 10; pages++) {
    const answer = await rack.askSocket({ path: `/api/v1/hosts?limit=8${after}` });
    const { items, next } = answer.json as Page<{ host: string }>;
    names.push(...items.map(({ host }) => host));
    if (next === undefined) break;
    after = `&after=${next}`;
  }
  assert.deepEqual(names, [...rack.site.hosts.keys()]);
  const chosen = async (query: string) =>
    ((await rack.askSocket({ path: `/api/v1/hosts?${query}` })).json as Page<{ host: string }>).items.map(
      ({ host }) => host,
    );
  assert.deepEqual(await chosen("state=permitted"), ["m7"]);
  assert.deepEqual(await chosen("q=M2"), ["m2", ...Array.from({ length: 10 }, (_, index) => `m2${index}`)]);
  assert.deepEqual(await chosen("q=none"), []);
});

test("events come by time, go on after any of them, and have the same id for ever", async (t) => {
  const rack = await apiRack(t);
  for (const [xid, host] of ["cli128", "cli129", "cli128"].entries())
    await rack.journal.append({ host, stage: "dhcp", what: "offer", facts: { asking: "firmware", xid } });
  const page = async (query: string) =>
    (await rack.askSocket({ path: `/api/v1/events?${query}` })).json as Page<{ id: string; host: string }>;
  const all = await page("");
  assert.deepEqual(all.items.map(({ host }) => host).sort(), ["cli128", "cli128", "cli129"]);
  assert.equal(all.next, all.items[2]?.id);
  const first = await page("after=0&limit=1");
  assert.deepEqual(first.items, all.items.slice(0, 1));
  assert.deepEqual((await page(`after=${first.next}`)).items, all.items.slice(1));
  assert.deepEqual(await page(`after=${all.next}`), { items: [] });
  assert.equal((await page("host=cli129")).items.length, 1);
  const own = (await rack.askSocket({ path: "/api/v1/hosts/cli129/events" })).json as Page<{ host: string }>;
  assert.deepEqual(
    own.items.map(({ host }) => host),
    ["cli129"],
  );
});

test("events that say the same of the same moment are one", () => {
  const event = {
    at: 5,
    host: "cli128",
    boot: 1,
    stage: "dhcp",
    what: "offer",
    facts: { asking: "firmware" },
  } as const;
  const source = { hosts: () => ["cli128"], events: () => [event, { ...event }, { ...event, at: 6 }] };
  const { items } = eventPage(source, { limit: 9, after: "0" });
  assert.deepEqual(
    items.map(({ at }) => at),
    [5, 6],
  );
  assert.equal(eventPage(source, { limit: 9 }).items.length, 2);
});

test("a host that is as it was is not sent again", async (t) => {
  const clock = createFakeClock();
  const rack = await apiRack(t, { api: { clock } });
  const path = "/api/v1/hosts/cli128";
  const first = await rack.askSocket({ path });
  const tag = String(first.headers.etag);
  clock.advance(1000);
  const second = await rack.askSocket({ path, headers: { "if-none-match": tag } });
  assert.deepEqual([second.status, second.text], [304, ""]);
  await rack.permits.issue("cli128");
  const third = await rack.askSocket({ path, headers: { "if-none-match": tag } });
  assert.deepEqual([third.status, third.headers.etag === tag], [200, false]);
});

test("a site file is applied after the one that was read", async (t) => {
  const rack = await apiRack(t);
  const path = "/api/v1/site";
  const { headers, json } = await rack.askSocket({ path });
  assert.equal((json as { text: string }).text, exampleText("pair"));
  const put = (more: object, match?: string) =>
    rack.askSocket({
      method: "PUT",
      path,
      body: { text: "site: x", ...more },
      headers: match === undefined ? {} : { "if-match": match },
    });
  assert.equal((await put({}, String(headers.etag))).status, 200);
  assert.equal((await put({ expected: 3 })).status, 200);
  assert.equal((await put({}, '"2-0000"')).status, 412);
  assert.equal((await put({}, `W/${headers.etag}`)).status, 412);
  assert.equal((await put({})).status, 400);
});

test("a permit that is asked for twice by one key is one", async (t) => {
  const rack = await apiRack(t);
  const ask = (body: object, key?: string) =>
    rack.askSocket({
      method: "POST",
      path: "/api/v1/hosts/cli128/permit",
      body,
      headers: key === undefined ? {} : { "idempotency-key": key },
    });
  const [first, again] = await Promise.all([ask({ minutes: 30 }, "k1"), ask({ minutes: 30 }, "k1")]);
  assert.equal(first.status, 200);
  assert.deepEqual(again.json, first.json);
  assert.equal((await ask({ minutes: 31 }, "k1")).status, 422);
  // As at another server, which does not know the key: the open permit of the same lifetime is what was asked for.
  assert.deepEqual((await ask({ minutes: 30 }, "k2")).json, first.json);
  assert.equal((await ask({ minutes: 45 }, "k3")).status, 409);
  assert.equal((await ask({ minutes: 30 })).status, 409);
});

test("a path that is there is told from one that is not", async (t) => {
  const rack = await apiRack(t);
  const wrong = await rack.askSocket({ method: "PATCH", path: "/api/v1/site" });
  assert.deepEqual([wrong.status, wrong.headers.allow], [405, "GET, PUT"]);
  assert.equal((await rack.askSocket({ method: "HEAD", path: "/api/v1/stream" })).status, 405);
  const absent = await rack.askSocket({ path: "/api/v1/nothing" });
  assert.equal(absent.status, 404);
  assert.deepEqual(absent.json, {
    type: "urn:everboot:error:call-unknown",
    title: "Not Found",
    status: 404,
    detail: "the daemon does not know this call: its version differs, or this is not switched on",
    code: "call-unknown",
    text: "the daemon does not know this call: its version differs, or this is not switched on",
    exit: 2,
  });
});

test("what cannot be read is told to be the asker's", async (t) => {
  const rack = await apiRack(t);
  const path = "/api/v1/hosts/cli128/permit";
  const post = (raw: string, headers: Record<string, string> = {}) =>
    rack.askSocket({ method: "POST", path, raw, headers });
  assert.equal((await post("{")).status, 400);
  assert.equal((await post('{"__proto__": 1}')).status, 400);
  assert.equal((await post('{"minutes": "30"}')).status, 400);
  assert.equal((await post("[]")).status, 400);
  assert.equal((await post(JSON.stringify({ minutes: 1, x: "y".repeat(70_000) }))).status, 413);
  assert.equal((await post("a=b", { "content-type": "application/x-www-form-urlencoded" })).status, 415);
  for (const bad of ["/api/v1/hosts/%zz", "/api/v1/hosts?limit=0", "/api/v1/hosts?limit=x", "/api/v1/hosts?q=a&x=b"])
    assert.equal((await rack.askSocket({ path: bad })).status, 400, bad);
  assert.equal((await rack.askSocket({ path: "/api/v1/hosts/nobody" })).status, 404);
});

test("the dashboard has the paths that are nobody else's", async (t) => {
  const body = Buffer.from("<html>");
  const asked: string[] = [];
  const web = (path: string, encodings: string) => {
    asked.push(`${path} ${encodings}`);
    return path === "/" ? { body, type: "text/html", etag: '"1"', headers: { "x-test": "y" } } : undefined;
  };
  const rack = await apiRack(t, { api: { web } });
  const page = await rack.ask({ path: "/?a=b", headers: { "accept-encoding": "br" } });
  assert.deepEqual([page.status, page.text, page.headers.etag, page.headers["x-test"]], [200, "<html>", '"1"', "y"]);
  assert.equal((await rack.ask({ path: "/", headers: { "if-none-match": '"1"' } })).status, 304);
  assert.equal((await rack.ask({ path: "/other" })).status, 404);
  assert.equal((await rack.ask({ path: "/api/v1/nothing" })).status, 404);
  assert.equal((await rack.ask({ method: "POST", path: "/" })).status, 404);
  assert.deepEqual(asked, ["/ br", "/ ", "/other "]);
});

test("metrics are for tokens, or for anyone where the site file says so", async (t) => {
  const metrics = async () => ({ contentType: "text/plain; version=0.0.4", body: "up 1\n" });
  const closed = await apiRack(t, { api: { metrics } });
  assert.equal((await closed.ask({ path: "/metrics" })).status, 401);
  assert.equal((await closed.ask({ path: "/metrics", token: closed.secrets.viewer })).text, "up 1\n");
  const network = { addresses: ["127.0.0.1"], port: 0, hasOpenMetrics: true };
  const open = await apiRack(t, { api: { metrics, network } });
  assert.equal((await open.ask({ path: "/metrics" })).text, "up 1\n");
  assert.equal((await (await apiRack(t)).askSocket({ path: "/metrics" })).status, 404);
});
