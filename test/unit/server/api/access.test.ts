/** Tokens, sessions of browsers, and those who guess. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeClock } from "../../../support/fake-clock.ts";
import { type Answer, type ApiRack, apiRack } from "./api-rack.ts";

function codeOf({ json }: Answer): string {
  return (json as { code: string }).code;
}

async function logIn(rack: ApiRack, token: string): Promise<Answer> {
  return rack.ask({ method: "POST", path: "/api/v1/session", body: { token } });
}

function cookieOf({ headers }: Answer): string {
  const [cookie = ""] = headers["set-cookie"] ?? [];
  return cookie.split(";")[0] ?? "";
}

test("a wrong token is told from none, and both how to come in", async (t) => {
  const rack = await apiRack(t);
  const none = await rack.ask({ path: "/api/v1/hosts" });
  assert.deepEqual([none.status, codeOf(none)], [401, "token-missing"]);
  assert.equal(none.headers["www-authenticate"], 'Bearer realm="everboot"');
  assert.match(String(none.headers["content-type"]), /^application\/problem\+json/);
  const wrong = await rack.ask({ path: "/api/v1/hosts", token: "eb_a_wrong" });
  assert.deepEqual([wrong.status, codeOf(wrong)], [401, "token-wrong"]);
});

test("after ten wrong tokens in a minute an address is not listened to; two rows tell of it", async (t) => {
  const clock = createFakeClock();
  const rack = await apiRack(t, { api: { clock } });
  const tries: number[] = [];
  for (let count = 0; count < 12; count++)
    tries.push((await rack.ask({ path: "/api/v1/hosts", token: `guess${count}` })).status);
  assert.deepEqual(tries, [...Array<number>(10).fill(401), 429, 429]);
  const right = await rack.ask({ path: "/api/v1/hosts", token: rack.secrets.admin });
  assert.deepEqual([right.status, right.headers["retry-after"]], [429, "60"]);
  await rack.audit.flush();
  const { items } = await rack.audit.page(10);
  assert.deepEqual(
    items.map(({ who, what, after }) => [who, what, after]),
    [
      ["127.0.0.1", "wrong token", "10 within a minute"],
      ["127.0.0.1", "wrong token", "1 within a minute"],
    ],
  );
  clock.advance(60_000);
  assert.equal((await rack.ask({ path: "/api/v1/hosts", token: rack.secrets.admin })).status, 200);
});

test("a browser logs in with a token: its cookie cannot be read by scripts nor sent from other sites", async (t) => {
  const rack = await apiRack(t);
  const answer = await logIn(rack, rack.secrets.operator);
  const [cookie = ""] = answer.headers["set-cookie"] ?? [];
  assert.match(cookie, /; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43(200|199)$/);
  assert.ok(!cookie.includes(rack.secrets.operator));
  const who = await rack.ask({ path: "/api/v1/session", headers: { cookie: cookieOf(answer) } });
  assert.deepEqual(who.json, { name: "a-operator", role: "operator", site: rack.site.name, server: "server1" });
  assert.equal((await logIn(rack, "eb_a_wrong")).status, 401);
});

test("a session changes something only for a page of this server", async (t) => {
  const rack = await apiRack(t);
  const cookie = cookieOf(await logIn(rack, rack.secrets.operator));
  const permit = { method: "POST", path: "/api/v1/hosts/cli128/permit", body: {} };
  for (const origin of [undefined, "http://evil.example", "null", `${rack.url}.evil.example`]) {
    const answer = await rack.ask({ ...permit, headers: { cookie, ...(origin !== undefined && { origin }) } });
    assert.deepEqual([answer.status, codeOf(answer)], [403, "origin-foreign"], origin);
  }
  assert.equal((await rack.ask({ ...permit, headers: { cookie, origin: rack.url } })).status, 200);
});

test("a form of another page is no request", async (t) => {
  const rack = await apiRack(t);
  const body = JSON.stringify({ token: rack.secrets.admin });
  const headers = { "content-type": "text/plain" };
  const answer = await rack.ask({ method: "POST", path: "/api/v1/session", raw: body, headers });
  assert.deepEqual([answer.status, codeOf(answer)], [415, "call-media"]);
});

test("a session ends with its time, with its token, and when the browser logs out", async (t) => {
  const clock = createFakeClock();
  const rack = await apiRack(t, { api: { clock } });
  const cookie = cookieOf(await logIn(rack, rack.secrets.viewer));
  const status = async (given: string) =>
    (await rack.ask({ path: "/api/v1/session", headers: { cookie: given } })).status;
  assert.equal(await status(cookie), 200);
  const forged = cookie.replace(/:\d+:/, `:${clock.now() + 10 ** 12}:`);
  assert.equal(await status(forged), 401);
  assert.equal(await status(cookie.replace("a-viewer", "a-admin")), 401);
  const out = await rack.ask({ method: "DELETE", path: "/api/v1/session" });
  assert.match(String(out.headers["set-cookie"]), /^everboot_session=; .*Max-Age=0$/);
  clock.advance(12 * 60 * 60 * 1000);
  assert.equal(await status(cookie), 401);
  const again = cookieOf(await logIn(rack, rack.secrets.viewer));
  assert.equal(await status(again), 200);
  await rack.tokens.revoke("a-viewer");
  assert.equal(await status(again), 401);
});

test("what was changed, by whom, before and after, and what was refused", async (t) => {
  const rack = await apiRack(t);
  const permit = { path: "/api/v1/hosts/cli128/permit" };
  await rack.ask({ ...permit, method: "POST", token: rack.secrets.operator });
  await rack.ask({ ...permit, method: "POST", token: rack.secrets.operator });
  await rack.ask({ ...permit, method: "DELETE", token: rack.secrets.viewer });
  await rack.askSocket({ ...permit, method: "DELETE" });
  const name = { name: "third", role: "viewer" };
  await rack.ask({ method: "POST", path: "/api/v1/tokens", body: name, token: rack.secrets.admin });
  await rack.audit.flush();
  const { items } = await rack.audit.page(10);
  const rows = items.map(({ who, what, target, before, after, outcome }) => ({
    row: [who, what, target, before, outcome],
    after,
  }));
  assert.deepEqual(
    rows.map(({ row }) => row),
    [
      ["a-admin", "token add", "third", undefined, "done"],
      ["control socket", "cancel", "cli128", "permitted", "done"],
      ["a-viewer", "cancel", "/api/v1/hosts/cli128/permit", undefined, "role-missing"],
      ["a-operator", "permit", "cli128", "permitted", "permit-exists"],
      ["a-operator", "permit", "cli128", "idle", "done"],
    ],
  );
  assert.match(rows[4]?.after ?? "", /^permit [0-9a-f]{8} until 20/);
});
