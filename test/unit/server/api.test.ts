/** The control API's own part: which call is whose, and what it refuses before anyone is asked. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import { askDaemon } from "../../../src/cli/daemon-client.ts";
import { createApiServer, type Operations } from "../../../src/server/api/api.ts";

/** Operations that answer with their name and what they were given. */
function echo(version: string): Operations {
  const answer =
    (name: string) =>
    async (...given: readonly unknown[]) => ({ version, name, given, revision: "1" });
  const names = ["status", "cluster", "drain", "apply"];
  const site = async () => ({ number: 3, revision: "0".repeat(64), text: "", servers: [], version });
  return { ...Object.fromEntries(names.map((name) => [name, answer(name)])), site } as unknown as Operations;
}

async function serve(context: TestContext, operations: () => Operations) {
  const folder = mkdtempSync(join(tmpdir(), "everboot-api-"));
  const socket = join(folder, "control.sock");
  const server = createApiServer({ socket, operations, log: silentLog });
  await server.start();
  context.after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });
  return (method: string, path: string, body?: unknown) => askDaemon(socket, method, path, body);
}

test("a site file is read and applied, a server drained", async (t) => {
  const ask = await serve(t, () => echo("one"));
  const site = { text: "x".repeat(2 << 20), expected: 3 };
  assert.equal(((await ask("GET", "/api/v1/site")) as { version: string }).version, "one");
  assert.deepEqual(await ask("PUT", "/api/v1/site", site), {
    version: "one",
    name: "apply",
    given: [site],
    revision: "1",
  });
  const drain = { server: "server2", draining: true };
  assert.deepEqual(await ask("POST", "/api/v1/cluster/drain", drain), {
    version: "one",
    name: "drain",
    given: [drain],
    revision: "1",
  });
});

test("what is no site or no draining is a misuse", async (t) => {
  const ask = await serve(t, () => echo("one"));
  for (const body of [{ text: "site: x" }, { text: "site: x", expected: -1 }, { text: 3, expected: 0 }])
    await assert.rejects(ask("PUT", "/api/v1/site", body), { code: "usage" });
  await assert.rejects(ask("POST", "/api/v1/cluster/drain", { server: "server2" }), { code: "usage" });
});

test("each call is for the operations of the moment", async (t) => {
  let version = "one";
  const ask = await serve(t, () => echo(version));
  version = "two";
  assert.deepEqual(await ask("GET", "/api/v1/status"), { version: "two", name: "status", given: [], revision: "1" });
});
