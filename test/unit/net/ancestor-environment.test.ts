import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ancestorVariable } from "../../../src/net/ancestor-environment.ts";

/** Processes as [id, parent, environment]. */
function rootWith(
  t: TestContext,
  processes: readonly (readonly [pid: number, parent: number, environ: string])[],
): string {
  const root = mkdtempSync(join(tmpdir(), "everboot-proc-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [pid, parent, environ] of processes) {
    const folder = join(root, "proc", String(pid));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "status"), `Name:\tx\nPid:\t${pid}\nPPid:\t${parent}\n`);
    writeFileSync(join(folder, "environ"), environ.replaceAll(" ", "\0"));
  }
  return root;
}

test("what sudo took away is found at the shell behind it, the nearest first", async (t) => {
  const shell = [20, 10, "TERM=x SSH_CONNECTION=near HOME=/root"] as const;
  const root = rootWith(t, [[30, 20, "PATH=/bin NO_SSH_CONNECTION=1"], shell, [10, 1, "SSH_CONNECTION=far"]]);
  assert.equal(await ancestorVariable("SSH_CONNECTION", 30, root), "near");
  assert.equal(await ancestorVariable("SSH_CONNECTION", 10, root), "far");
});

test("a console, or a process that has gone, has none", async (t) => {
  const root = rootWith(t, [[30, 20, "PATH=/bin"]]);
  assert.equal(await ancestorVariable("SSH_CONNECTION", 30, root), undefined);
  assert.equal(await ancestorVariable("SSH_CONNECTION", 99, root), undefined);
});
