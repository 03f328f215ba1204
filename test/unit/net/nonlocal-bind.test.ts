import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { EverbootError } from "../../../src/base/errors.ts";
import { allowNonlocalBind } from "../../../src/net/nonlocal-bind.ts";

test("the setting is switched on where it is off; where it cannot be, one line says what to do", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "everboot-sysctl-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "ip_nonlocal_bind");
  writeFileSync(path, "0\n");
  allowNonlocalBind(path);
  assert.equal(readFileSync(path, "utf8"), "1\n");
  allowNonlocalBind(path);
  assert.equal(readFileSync(path, "utf8"), "1\n");
  const denied = (error: unknown) =>
    error instanceof EverbootError && /\(ENOENT\): run `sysctl -w net\.ipv4\.ip_nonlocal_bind=1`/.test(error.message);
  assert.throws(() => allowNonlocalBind(join(folder, "nowhere")), denied);
});
