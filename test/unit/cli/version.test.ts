import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { VERSION } from "../../../src/base/version.ts";

const MAIN = join(import.meta.dirname, "../../../src/cli/main.ts");

test("--version tells the version of Everboot and of Node", async () => {
  for (const option of ["--version", "-V"]) {
    const { stdout } = await promisify(execFile)(process.execPath, [MAIN, option]);
    assert.equal(stdout, `everboot ${VERSION} (Node ${process.versions.node})\n`);
  }
});
