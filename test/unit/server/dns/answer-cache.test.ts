import assert from "node:assert/strict";
import { test } from "node:test";
import { AnswerCache } from "../../../../src/server/dns/answer-cache.ts";
import type { RelayedAnswer } from "../../../../src/wire/dns-relay.ts";
import { createFakeClock } from "../../../support/fake-clock.ts";

function answer(ttl: number, bytes = 16): RelayedAnswer {
  return { rcode: 0, truncated: false, records: new Uint8Array(bytes), answers: 1, authorities: 0, ttlsAt: [], ttl };
}

test("an answer is there until its time is over, and no longer than five minutes", () => {
  const clock = createFakeClock();
  const cache = new AnswerCache(clock);
  cache.put("short", answer(10));
  cache.put("long", answer(86_400));
  clock.advance(9999);
  assert.equal(cache.get("short")?.age, 9);
  clock.advance(1);
  assert.equal(cache.get("short"), undefined);
  clock.advance(289_999);
  assert.equal(cache.get("long")?.age, 299);
  clock.advance(1);
  assert.equal(cache.get("long"), undefined);
});

test("what may not be kept, or is long, is not", () => {
  const cache = new AnswerCache(createFakeClock());
  cache.put("never", answer(0));
  cache.put("long", answer(60, 5000));
  assert.deepEqual([cache.get("never"), cache.get("long")], [undefined, undefined]);
});

test("past a thousand the oldest one goes", () => {
  const cache = new AnswerCache(createFakeClock());
  for (let place = 0; place < 1000; place += 1) cache.put(`name ${place}`, answer(60));
  cache.put("name 0", answer(60));
  cache.put("one more", answer(60));
  const left = ["name 0", "name 1", "name 2", "one more"].map((key) => cache.get(key) !== undefined);
  assert.deepEqual(left, [true, false, true, true]);
});
