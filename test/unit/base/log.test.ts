import assert from "node:assert/strict";
import { test } from "node:test";
import { EverbootError } from "../../../src/base/errors.ts";
import { errorForLog } from "../../../src/base/log.ts";

test("an error in the log has its code and what all its causes say", () => {
  const error = new EverbootError("upstream-mismatch", {}, new Error("pool/a.deb: digest 12 in place of 34"));
  assert.deepEqual(JSON.parse(JSON.stringify(errorForLog(error))), {
    code: "upstream-mismatch",
    details: {},
    name: "EverbootError",
    message: `${error.message}: pool/a.deb: digest 12 in place of 34`,
  });
});

test("causes that go round in a circle end, and what is no error is as it is", () => {
  const error = new Error("a");
  error.cause = error;
  assert.deepEqual(errorForLog(error), { message: Array(8).fill("a").join(": ") });
  assert.equal(errorForLog("text"), "text");
  assert.equal(errorForLog(undefined), undefined);
});
