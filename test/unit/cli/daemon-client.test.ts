/** Commands that ask a daemon elsewhere: its URL, its token, and what becomes of mistakes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { askDaemon, daemonDoor, takeDaemonOptions } from "../../../src/cli/daemon-client.ts";
import { apiRack } from "../server/api/api-rack.ts";

test("--url and --token may stand anywhere, and go before the environment's", () => {
  const env = { EVERBOOT_URL: "http://old:1", EVERBOOT_TOKEN: "old", PATH: "/bin" };
  assert.deepEqual(takeDaemonOptions(["vm1", "--url", "http://new:2", "--json", "--token=t1"], env), {
    args: ["vm1", "--json"],
    env: { EVERBOOT_URL: "http://new:2", EVERBOOT_TOKEN: "t1", PATH: "/bin" },
  });
  assert.deepEqual(takeDaemonOptions(["--", "--url", "x"], {}), { args: ["--", "--url", "x"], env: {} });
  assert.throws(() => takeDaemonOptions(["--token"], {}), { code: "usage", message: "--token takes a value" });
});

test("a daemon is reached by its URL where there is one, else by its control socket", () => {
  assert.deepEqual(daemonDoor({}, "/s"), { socket: "/s" });
  assert.deepEqual(daemonDoor({ EVERBOOT_TOKEN: "t" }, "/s"), { socket: "/s" });
  assert.deepEqual(daemonDoor({ EVERBOOT_URL: "http://a:1", EVERBOOT_TOKEN: "t" }, "/s"), {
    url: "http://a:1",
    token: "t",
  });
  for (const EVERBOOT_URL of ["a:1", "192.168.77.1", "ftp://a"])
    assert.throws(() => daemonDoor({ EVERBOOT_URL }, "/s"), { code: "usage" });
});

test("by URL and token a command gets what it gets by the control socket, and what it may not is told", async (t) => {
  const rack = await apiRack(t);
  const door = (token: string) => ({ url: rack.url, token });
  const path = "/api/v1/hosts/cli128/permit";
  const permit = (await askDaemon(door(rack.secrets.operator), "POST", path, { minutes: 5 })) as { host: string };
  assert.equal(permit.host, "cli128");
  await assert.rejects(askDaemon(door(rack.secrets.viewer), "DELETE", path), {
    code: "role-missing",
    message: "a-viewer has role viewer, and this takes operator: use another token",
  });
  await assert.rejects(askDaemon({ url: rack.url }, "GET", "/api/v1/hosts"), { code: "token-missing" });
  await assert.rejects(askDaemon(rack.socket, "GET", "/api/v1/hosts/nobody"), { code: "host-unknown" });
});

test("nobody there is one clear line", async (t) => {
  const rack = await apiRack(t);
  await rack.api.stop();
  await assert.rejects(askDaemon({ url: rack.url, token: "t" }, "GET", "/api/v1/hosts"), {
    code: "daemon-absent",
    message: `no daemon answers at ${rack.url}: start it with \`everboot up\``,
  });
  await assert.rejects(askDaemon(rack.socket, "GET", "/api/v1/hosts"), { code: "daemon-absent" });
});
