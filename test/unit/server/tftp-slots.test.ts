import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Slots } from "../../../src/server/tftp/slots.ts";

const peer = fc.record({
  address: fc.constantFrom("192.168.77.1", "192.168.77.2"),
  port: fc.integer({ min: 1, max: 4 }),
});
const act = fc.record({ kind: fc.constantFrom("set", "delete", "get", "clear"), peer, value: fc.nat(100) });

test("it is a map by address and port", () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
      const slots = new Slots<number>();
      const model = new Map<string, number>();
      for (const { kind, peer: at, value } of acts) {
        const key = `${at.address} ${at.port}`;
        if (kind === "set") {
          slots.set(at, value);
          model.set(key, value);
        } else if (kind === "delete") {
          slots.delete(at);
          model.delete(key);
        } else if (kind === "clear" && value < 10) {
          slots.clear();
          model.clear();
        }
        assert.equal(slots.get(at), model.get(key));
        assert.equal(slots.has(at), model.has(key));
        assert.equal(slots.size, model.size);
        assert.deepEqual(slots.values().toSorted(), [...model.values()].toSorted());
      }
    }),
  );
});
