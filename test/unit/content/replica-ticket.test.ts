import assert from "node:assert/strict";
import { test } from "node:test";
import { openTicket, sealTicket, TICKET_MS } from "../../../src/content/replica-ticket.ts";

const KEY = Buffer.alloc(32, 1);
const NOW = Date.UTC(2026, 0, 1);
const PATH = "/.everboot/trees/debian 12/0123456789ab/manifest";
const sealed = sealTicket({ server: "two", time: NOW, path: PATH }, KEY);

test("a ticket tells which server asks", () => {
  assert.deepEqual(openTicket(sealed, PATH, KEY, NOW), { kind: "server", server: "two" });
});

test("a ticket is worth nothing with another key, for another path, in another name, or at another time", () => {
  const forged = { kind: "forged" };
  assert.deepEqual(openTicket(sealed, PATH, Buffer.alloc(32, 2), NOW), forged);
  assert.deepEqual(openTicket(sealed, `${PATH}x`, KEY, NOW), forged);
  assert.deepEqual(openTicket(sealed.replace(" two ", " one "), PATH, KEY, NOW), forged);
  assert.deepEqual(openTicket(sealed.replace(`${NOW}`, `${NOW + 1}`), PATH, KEY, NOW), forged);
});

test("what is no ticket is as good as a forged one", () => {
  for (const value of [undefined, "", "Basic dXNlcg==", sealed.slice(0, -1), `${sealed}0`, sealed.toUpperCase()]) {
    assert.deepEqual(openTicket(value, PATH, KEY, NOW), { kind: "forged" }, `${value}`);
  }
});

test("clocks may differ by five minutes; by how much they do is told", () => {
  for (const ahead of [TICKET_MS, -TICKET_MS]) {
    assert.equal(openTicket(sealed, PATH, KEY, NOW - ahead).kind, "server");
    const late = openTicket(sealed, PATH, KEY, NOW - ahead - Math.sign(ahead));
    assert.deepEqual(late, { kind: "stale", server: "two", aheadMs: ahead + Math.sign(ahead) });
  }
});
