/** `/metrics` of a daemon as an operator starts it, after foreign clients were served; judged by promtool. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { DaemonProcess } from "../../lab/daemon-process.ts";
import { connect, Namespace, namespaceObstacle } from "../../lab/netns.ts";
import { packageObstacle } from "../../lab/prerequisites.ts";
import { judgeMetrics, PROMTOOL } from "../support/prometheus.ts";
import { exampleText } from "../support/sites.ts";

const skip = namespaceObstacle() ?? packageObstacle("clients", "loaders") ?? PROMTOOL.obstacle ?? false;

/** A server with br0, and a client on a port of it. */
async function makeLink(context: TestContext): Promise<{ server: Namespace; client: Namespace }> {
  const make = async (name: string) => {
    const space = await Namespace.create(name);
    context.after(() => space.remove());
    return space;
  };
  const [server, client] = [await make("evms"), await make("evmc")];
  await server.bridge("br0", "192.168.77.1/24");
  await connect(server, "p0", client, "eth0");
  await server.ip("link set p0 master br0");
  return { server, client };
}

/** The state folder of a daemon that is ready. */
async function startDaemon(context: TestContext, space: Namespace): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "everboot-metrics-"));
  const [siteFile, state] = [join(folder, "site.yaml"), join(folder, "state")];
  writeFileSync(siteFile, exampleText("single"));
  mkdirSync(state);
  const daemon = new DaemonProcess({ space, siteFile, state, logDirectory: folder });
  context.after(async () => {
    await daemon.stop();
    rmSync(folder, { recursive: true });
  });
  await daemon.start();
  return state;
}

async function scrape(state: string): Promise<string> {
  const asked = request({ socketPath: join(state, "control.sock"), path: "/metrics" }).end();
  const [response] = await once(asked, "response");
  return text(response);
}

test("what clients were served is in the metrics, which promtool finds sound", {
  skip,
  timeout: 120_000,
}, async (context) => {
  const { server, client } = await makeLink(context);
  const state = await startDaemon(context, server);
  await client.ip("link set eth0 address 52:54:00:00:00:01");
  await client.exec("udhcpc", ["-i", "eth0", "-n", "-q", "-s", "/bin/true"]);
  await client.ip("addr add 192.168.77.50/24 dev eth0");
  await client.exec("curl", ["-s", "-o", "/dev/null", "http://192.168.77.1/none"]);
  await client.exec("curl", ["-s", "-o", "/dev/null", "tftp://192.168.77.1/undionly.kpxe"]);
  const body = await scrape(state);
  for (const line of [
    /^everboot_dhcp_replies_total\{type="ack"\} 1$/m,
    /^everboot_dhcp_answer_duration_seconds_count 2$/m,
    /^everboot_http_responses_total\{listener="192\.168\.77\.1",code="404"\} 1$/m,
    /^everboot_tftp_transfers_total\{listener="192\.168\.77\.1",outcome="complete"\} 1$/m,
    /^everboot_sent_bytes_total\{protocol="tftp",listener="192\.168\.77\.1"\} \d{5,}$/m,
    /^everboot_hosts\{state="booting"\} \d$/m,
    /^everboot_site_info\{site="home",server="one",revision="\w+"\} 1$/m,
    /^everboot_disk_commit_duration_seconds_count [1-9]/m,
  ])
    assert.match(body, line);
  assert.deepEqual(judgeMetrics(body), { code: 0, output: "" });
});
