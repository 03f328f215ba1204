import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { clusterCommand } from "../../../src/cli/cluster.ts";
import type { Io } from "../../../src/cli/command.ts";

test("init makes a key once, for root alone, and says what to do with it", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "everboot-cluster-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const lines: string[] = [];
  const io: Io = {
    out: (line) => void lines.push(line),
    err: () => undefined,
    write: () => undefined,
    ...{ cwd: folder, env: {}, signal: new AbortController().signal, terminal: false, columns: 80 },
  };
  const init = () => clusterCommand.run(["init", "--state", "state"], io);
  const path = join(folder, "state/cluster.key");
  assert.equal(await init(), 0);
  assert.deepEqual(lines, [`made ${path}: copy it to the state folder of every other server of the site`]);
  assert.match(readFileSync(path, "utf8"), /^[0-9a-f]{64}\n$/);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const before = readFileSync(path, "utf8");
  await assert.rejects(init(), /cluster\.key: cannot be written \(EEXIST\)/);
  assert.equal(readFileSync(path, "utf8"), before);
  await assert.rejects(clusterCommand.run(["drain"], io), /everboot cluster knows init, not drain/);
});
