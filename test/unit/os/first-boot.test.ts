/** The program of the first boot, run on this machine with stand-ins for what it reads, against real servers. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { type TestContext, test } from "node:test";
import type { Ipv4 } from "../../../src/base/address.ts";
import { parseReport } from "../../../src/bond/report.ts";
import type { FamilyInput, ServerUrls } from "../../../src/os/family.ts";
import { enableFirstBoot, firstBootFiles, firstBootScript } from "../../../src/os/first-boot.ts";
import { exampleSite } from "../../support/sites.ts";
import { Stage } from "./debian-stage.ts";

const BOND = `Ethernet Channel Bonding Driver: v6.1.0

Bonding Mode: fault-tolerance (active-backup)
MII Status: up
`;

/** What iproute2 says of a machine with a bond. */
const IP = `case "$*" in
"-o link") echo '2: bond0: <BROADCAST,MULTICAST,MASTER,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default qlen 1000\\    link/ether 52:54:00:00:00:01 brd ff:ff:ff:ff:ff:ff' ;;
"-o addr") echo '2: bond0    inet 192.168.77.101/24 brd 192.168.77.255 scope global bond0\\       valid_lft forever preferred_lft forever' ;;
"route") echo 'default via 192.168.77.1 dev bond0' ;;
esac`;

function inputWith(ports: readonly number[], firstBoot: readonly string[] = []): FamilyInput {
  const site = exampleSite("single");
  const host = site.hosts.get("vm1");
  assert.ok(host);
  const [first, ...others] = ports.map((httpPort): ServerUrls => {
    const base = `http://127.0.0.1:${httpPort}`;
    return {
      view: { address: "127.0.0.1" as Ipv4, httpPort },
      tree: base,
      lastingTree: base,
      ftpTree: base,
      nfsTree: base,
      report: `${base}/report/t0ken`,
    };
  });
  assert.ok(first);
  const profile = { ...host.profile, firstBoot };
  return { site, host, profile, tree: profile.tree, mac: host.nics[0], servers: [first, ...others] };
}

/** Paths that the program uses are moved into the stage; it is bash, whatever /bin/sh is here. */
async function runProgram(stage: Stage, input: FamilyInput): Promise<number | null> {
  const script = firstBootScript(input)
    .replaceAll(/(?<![\w.:])\/(var\/lib|proc|usr\/local|etc\/systemd)\//g, `${stage.root}/$1/`)
    .replaceAll("PATH=/usr/sbin", `PATH=${stage.root}/bin:/usr/sbin`)
    .replaceAll(/^\tsleep 5$/gm, "\tsleep 0.1");
  stage.write("script", script);
  const child = spawn("bash", [`${stage.root}/script`], { stdio: "ignore" });
  const [code] = await once(child, "close");
  return code as number | null;
}

function stageOf(t: TestContext): Stage {
  const stage = new Stage(t);
  stage.write("proc/net/bonding/bond0", BOND);
  stage.program("ip", IP);
  stage.write("usr/local/lib/everboot/first-boot", "itself");
  return stage;
}

/** An HTTP server that answers with these statuses, one after the other, the last for ever. */
async function serverWith(t: TestContext, statuses: readonly number[]) {
  const bodies: string[] = [];
  const paths: string[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    bodies.push(Buffer.concat(chunks).toString());
    paths.push(request.url ?? "");
    response.writeHead(statuses[Math.min(bodies.length, statuses.length) - 1] ?? 200).end("noted\n");
  };
  const server = createServer((request, response) => void answer(request, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, bodies, paths };
}

/** Nobody listens there. */
async function closedPort(): Promise<number> {
  const server = createTcpServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

test("it reports every bond, links and addresses, and removes itself", async (t) => {
  const stage = stageOf(t);
  const server = await serverWith(t, [200]);
  assert.equal(await runProgram(stage, inputWith([server.port])), 0);
  assert.deepEqual(server.paths, ["/report/t0ken/first-boot"]);
  const report = parseReport(server.bodies[0] ?? "");
  assert.deepEqual(
    report.bonds.map(({ name, text }) => [name, text.kind === "bond" && text.settings.mode]),
    [["bond0", "active-backup"]],
  );
  assert.deepEqual(report.addresses, [{ device: "bond0", address: "192.168.77.101", prefix: 24 }]);
  assert.deepEqual(report.missing, []);
  assert.ok(!stage.has("usr/local/lib/everboot/first-boot"));
});

test("a server that refuses connections or has an outage is not the last word: the next one is asked, and again", async (t) => {
  const stage = stageOf(t);
  const server = await serverWith(t, [503, 503, 200]);
  assert.equal(await runProgram(stage, inputWith([await closedPort(), server.port])), 0);
  assert.equal(server.bodies.length, 3);
});

test("a report that nobody wants any more ends it too", async (t) => {
  const stage = stageOf(t);
  const server = await serverWith(t, [403]);
  assert.equal(await runProgram(stage, inputWith([server.port])), 0);
  assert.ok(!stage.has("usr/local/lib/everboot/first-boot"));
});

test("commands of the profile run once, though the report needs several boots", async (t) => {
  const stage = stageOf(t);
  const server = await serverWith(t, [200]);
  const input = inputWith([server.port], [`echo "it's run" >>${stage.root}/ran`, "false"]);
  assert.equal(await runProgram(stage, input), 0);
  assert.equal(await runProgram(stage, input), 0);
  assert.equal(stage.read("ran"), "it's run\n");
  assert.ok(stage.calls().some((call) => call.includes("first-boot command 2 failed with exit code 1")));
});

test("it is switched on by a unit of systemd, or by an init script for older releases", () => {
  const input = inputWith([80]);
  const systemd = firstBootFiles(input).map(({ path }) => path);
  assert.deepEqual(systemd, ["usr/local/lib/everboot/first-boot", "etc/systemd/system/everboot-first-boot.service"]);
  assert.match(enableFirstBoot().join("\n"), /multi-user\.target\.wants\/everboot-first-boot\.service$/);
  const sysv = firstBootFiles(input, { init: "sysv" }).map(({ path }) => path);
  assert.deepEqual(sysv, ["usr/local/lib/everboot/first-boot", "etc/init.d/everboot-first-boot"]);
  assert.deepEqual(enableFirstBoot("sysv"), ["chkconfig everboot-first-boot on"]);
});
