/** Tokens: made once, known to all servers, ended for all. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { includesRole, openTokens, ROLES } from "../../../src/cluster/tokens.ts";
import { createMemoryStore } from "../../../src/store/memory.ts";
import type { Store } from "../../../src/store/store.ts";
import { createFakeClock, type FakeClock } from "../../support/fake-clock.ts";

const ANNA = { name: "anna", role: "operator", by: "test" } as const;
const DAY = 24 * 60 * 60 * 1000;

function open(store: Store, clock: FakeClock, signal?: AbortSignal) {
  return openTokens({ store, clock, random: randomBytes, ...(signal && { following: { clock, signal } }) });
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test("each role may what those before it may", () => {
  const table = ROLES.map((has) => ROLES.map((wanted) => includesRole(has, wanted)));
  assert.deepEqual(table, [
    [true, false, false],
    [true, true, false],
    [true, true, true],
  ]);
});

test("a token is found by its secret alone, and the store does not hold the secret", async () => {
  const [store, clock] = [createMemoryStore(), createFakeClock()];
  const tokens = await open(store, clock);
  const { secret, token } = await tokens.add(ANNA);
  assert.match(secret, /^eb_o_[a-z2-7]{32}$/);
  assert.deepEqual(token, { ...ANNA, issued: clock.now() });
  assert.deepEqual(tokens.find(secret), token);
  for (const wrong of ["", secret.slice(0, -1), secret.toUpperCase(), `${secret}a`, "anna"])
    assert.equal(tokens.find(wrong), undefined, wrong);
  const rows = JSON.stringify(await store.list(""));
  assert.ok(!rows.includes(secret) && !rows.includes(secret.slice(5)));
  assert.ok(!JSON.stringify(tokens.list()).includes("hash"));
});

test("a name stands for one token; it is free again when that is revoked", async () => {
  const tokens = await open(createMemoryStore(), createFakeClock());
  const first = await tokens.add(ANNA);
  await assert.rejects(tokens.add({ ...ANNA, role: "admin" }), { code: "token-exists" });
  await tokens.revoke("anna");
  assert.equal(tokens.find(first.secret), undefined);
  await assert.rejects(tokens.revoke("anna"), { code: "token-unknown" });
  const second = await tokens.add({ ...ANNA, role: "viewer" });
  assert.equal(tokens.find(first.secret), undefined);
  assert.equal(tokens.find(second.secret)?.role, "viewer");
});

test("a token ends with its time", async () => {
  const clock = createFakeClock();
  const tokens = await open(createMemoryStore(), clock);
  const { secret } = await tokens.add({ ...ANNA, lifetimeMs: DAY });
  clock.advance(DAY - 1);
  assert.ok(tokens.find(secret));
  clock.advance(1);
  assert.equal(tokens.find(secret), undefined);
});

test("all servers know what one does, and a restart knows it too", async (t) => {
  const [store, clock, ended] = [createMemoryStore(), createFakeClock(), new AbortController()];
  t.after(() => ended.abort());
  const [one, two] = [await open(store, clock, ended.signal), await open(store, clock, ended.signal)];
  const { secret } = await one.add(ANNA);
  await settle();
  assert.equal(two.find(secret)?.name, "anna");
  const session = one.openSession("anna", clock.now() + DAY) ?? "";
  assert.equal(two.ofSession(session)?.name, "anna");
  await two.revoke("anna");
  await settle();
  assert.equal(one.find(secret), undefined);
  assert.equal(one.ofSession(session), undefined);
  assert.deepEqual((await open(store, clock)).list(), []);
});

test("a session is of its token: neither longer, nor for another one, nor for a later one of the same name", async () => {
  const clock = createFakeClock();
  const tokens = await open(createMemoryStore(), clock);
  await tokens.add(ANNA);
  await tokens.add({ name: "root", role: "admin", by: "test" });
  const end = clock.now() + DAY;
  const session = tokens.openSession("anna", end) ?? "";
  assert.equal(tokens.ofSession(session)?.name, "anna");
  for (const forged of [
    session.replace("anna", "root"),
    session.replace(String(end), String(end + DAY)),
    session.replace(String(end), "Infinity"),
    session.slice(0, -1),
    "anna",
    "",
  ])
    assert.equal(tokens.ofSession(forged), undefined, forged);
  await tokens.revoke("anna");
  await tokens.add(ANNA);
  assert.equal(tokens.ofSession(session), undefined);
  const later = tokens.openSession("anna", end) ?? "";
  clock.advance(DAY);
  assert.equal(tokens.ofSession(later), undefined);
});

test("the first token of a site is made once, by one of its servers", async () => {
  const [store, clock] = [createMemoryStore(), createFakeClock()];
  const [one, two] = [await open(store, clock), await open(store, clock)];
  const made = await Promise.all([one.first("one"), two.first("two")]);
  const [issued, ...more] = made.filter((each) => each !== undefined);
  assert.equal(more.length, 0);
  assert.equal(issued?.token.role, "admin");
  const later = await open(store, clock);
  assert.ok(issued && later.find(issued.secret));
  await later.revoke("first");
  // Who has revoked all makes the next one by the control socket: a restart makes none.
  assert.equal(await (await open(store, clock)).first("one"), undefined);
});

test("the time of use is written to the hour", async () => {
  const [store, clock] = [createMemoryStore(), createFakeClock()];
  const tokens = await open(store, clock);
  const { secret } = await tokens.add(ANNA);
  const revision = async () => (await store.get("token/anna"))?.revision;
  const before = await revision();
  tokens.find(secret);
  await settle();
  const first = await revision();
  assert.notEqual(first, before);
  for (let minute = 0; minute < 59; minute++) {
    clock.advance(60_000);
    tokens.find(secret);
  }
  await settle();
  assert.equal(await revision(), first);
  clock.advance(60_000);
  tokens.find(secret);
  await settle();
  assert.notEqual(await revision(), first);
  assert.equal((await open(store, clock)).list()[0]?.used, clock.now());
});
