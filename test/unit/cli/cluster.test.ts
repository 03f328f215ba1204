import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Ipv4 } from "../../../src/base/address.ts";
import { clusterCommand, clusterText, isWell } from "../../../src/cli/cluster.ts";
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
  await assert.rejects(clusterCommand.run(["drain"], io), /everboot cluster knows init and status, not drain/);
});

const ONE = { name: "one", alive: true, floating: "10.0.0.1" as Ipv4, heldBy: "one" };
const TWO = { name: "two", alive: true, floating: "10.0.0.2" as Ipv4, heldBy: "two" };
const CURRENT = { state: "current", position: 12, outbox: 0 };

test("status: who is there, who holds what, and how far this server's copy is", () => {
  const { heldBy: _nobody, ...dead } = { ...TWO, alive: false };
  const away = { state: "away", position: 12, outbox: 1, trouble: "no quorum" };
  assert.deepEqual(clusterText({ server: "one", servers: [ONE, dead], state: away }), [
    "SERVER             FLOATING  HELD BY",
    "one     this one   10.0.0.1  one",
    "two     not heard  10.0.0.2  nobody",
    "common state: away (no quorum), revision 12, 1 fact waits to be told to the cluster",
  ]);
});

test("it is well when all live, each holds its own address, and nothing waits", () => {
  assert.equal(isWell({ servers: [ONE, TWO], state: CURRENT }), true);
  assert.equal(isWell({ servers: [ONE, { ...TWO, heldBy: "one" }], state: CURRENT }), false);
  assert.equal(isWell({ servers: [ONE, { ...TWO, alive: false }], state: CURRENT }), false);
  assert.equal(isWell({ servers: [ONE, TWO], state: { ...CURRENT, outbox: 1 } }), false);
  assert.equal(isWell({ servers: [ONE, TWO], state: { ...CURRENT, state: "away" } }), false);
});
