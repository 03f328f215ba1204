/** `everboot up` as an operator starts it: ready, refused, stopped; asked by foreign clients and by the other commands. */
import assert from "node:assert/strict";
import { type ChildProcess, execFile } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { EVERBOOT } from "../../lab/daemon-process.ts";
import { connect, Namespace, namespaceObstacle } from "../../lab/netns.ts";
import { packageObstacle } from "../../lab/prerequisites.ts";
import { exampleText } from "../support/sites.ts";

const skip = namespaceObstacle() ?? packageObstacle("clients", "loaders") ?? false;
const READY_MS = 30_000;

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function makeFolder(context: TestContext, site: string) {
  const folder = mkdtempSync(join(tmpdir(), "everboot-up-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "site.yaml");
  writeFileSync(file, site);
  mkdirSync(join(folder, "state"));
  return { folder, file, state: join(folder, "state") };
}

async function makeSpace(context: TestContext, name: string): Promise<Namespace> {
  const space = await Namespace.create(name);
  context.after(() => space.remove());
  return space;
}

/** A server with br0, and a client on a port of it. */
async function makeLink(context: TestContext): Promise<{ server: Namespace; client: Namespace }> {
  const server = await makeSpace(context, "evus");
  const client = await makeSpace(context, "evuc");
  await server.bridge("br0", "192.168.77.1/24");
  await connect(server, "p0", client, "eth0");
  await server.ip("link set p0 master br0");
  return { server, client };
}

/** Starts the daemon; resolves with its first line on standard output. */
async function up(context: TestContext, space: Namespace, file: string, state: string) {
  const child = space.spawn(process.execPath, [EVERBOOT, "up", "-c", file, "--state", state]);
  context.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  return { child, ready: await firstLine(child) };
}

async function firstLine(child: ChildProcess): Promise<string> {
  assert.ok(child.stdout);
  const [line] = await once(createInterface({ input: child.stdout }), "line", {
    signal: AbortSignal.timeout(READY_MS),
  });
  return String(line);
}

function everboot(space: Namespace, ...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile("ip", ["netns", "exec", space.name, process.execPath, EVERBOOT, ...args], (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

/** The address that udhcpc gets with this MAC, or undefined. */
async function leaseOf(client: Namespace, mac: string): Promise<string | undefined> {
  await client.ip("link set eth0 down");
  await client.ip(`link set eth0 address ${mac}`);
  await client.ip("link set eth0 up");
  const text = await client
    .exec("udhcpc", ["-i", "eth0", "-n", "-q", "-t", "3", "-T", "1", "-s", "/bin/true"])
    .catch(() => "");
  return /lease of (\S+) obtained/.exec(text)?.[1];
}

test("the smallest example: both NICs of vm1 get its address, a stranger gets silence", { skip }, async (context) => {
  const { server, client } = await makeLink(context);
  const { file, state } = await makeFolder(context, exampleText("single"));
  const { child, ready } = await up(context, server, file, state);
  assert.equal(ready, "ready: server one of site home on 192.168.77.1");
  assert.equal(await leaseOf(client, "52:54:00:00:00:01"), "192.168.77.101");
  assert.equal(await leaseOf(client, "52:54:00:00:00:02"), "192.168.77.101");
  assert.equal(await leaseOf(client, "52:54:00:00:00:99"), undefined);

  const status = await everboot(server, "status", "--json", "--state", state);
  const fleet = JSON.parse(status.out);
  assert.equal(fleet.counters.dhcp["drop.unknown-host"] > 0, true);
  assert.equal(fleet.site, "home");

  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "exit"), [0, null]);
  const gone = await everboot(server, "status", "--state", state);
  assert.deepEqual(
    [gone.code, gone.err.trim()],
    [1, `everboot: no daemon answers at ${state}/control.sock: start it with \`everboot up\``],
  );
});

test("dhclient and perfdhcp get their addresses, and every packet decodes in tshark", { skip }, async (context) => {
  const { server, client } = await makeLink(context);
  const { file, state, folder } = await makeFolder(context, exampleText("single"));
  const capture = join(folder, "capture.pcap");
  const recorder = server.spawn("tcpdump", ["-i", "br0", "-U", "-w", capture, "udp"]);
  assert.ok(recorder.stderr);
  await once(recorder.stderr, "data", { signal: AbortSignal.timeout(READY_MS) });
  await up(context, server, file, state);

  await client.ip("link set eth0 address 52:54:00:00:00:02");
  const files = ["lf", "pf", "cf"].flatMap((name) => [`-${name}`, join(folder, `dhclient.${name}`)]);
  writeFileSync(join(folder, "dhclient.cf"), "");
  await client.exec("dhclient", ["-4", "-1", "-v", "-sf", "/bin/true", ...files, "eth0"]);
  // It has gone on in the background to renew its lease.
  await client.exec("dhclient", ["-4", "-x", ...files, "eth0"]);
  assert.match(readFileSync(join(folder, "dhclient.lf"), "utf8"), /fixed-address 192\.168\.77\.101;/);

  await client.ip("addr add 192.168.77.50/24 dev eth0");
  const load = ["-4", "-l", "eth0", "-b", "mac=52:54:00:00:00:03", "-R", "1", "-r", "30", "-n", "60", "-W", "1000000"];
  const report = await client.exec("perfdhcp", [...load, "192.168.77.1"]);
  assert.deepEqual(report.match(/drops: \d+/g), ["drops: 0", "drops: 0"], report);

  recorder.kill("SIGINT");
  await once(recorder, "exit");
  const shown = await server.exec("tshark", ["-r", capture, "-Y", "dhcp"]);
  assert.ok((shown.match(/DHCP (Offer|ACK)/g)?.length ?? 0) >= 120, shown.slice(-500));
  const bad = await server.exec("tshark", ["-r", capture, "-Y", "_ws.malformed || _ws.expert.severity >= 0x600000"]);
  assert.doesNotMatch(bad, /DHCP/);
});

test("what cannot be done is one line and an exit code", { skip }, async (context) => {
  const { server } = await makeLink(context);
  const { file, state, folder } = await makeFolder(context, exampleText("single"));
  await up(context, server, file, state);
  const rows: ReadonlyArray<[string[], number, RegExp]> = [
    [
      ["up", "-c", file, "--state", state],
      1,
      /^everboot: another daemon \(pid \d+\) already uses .*: stop it first\n$/,
    ],
    [
      ["up", "-c", file, "--state", join(folder, "s2")],
      1,
      /port 80 on 192\.168\.77\.1 is in use: stop the other server\n$/,
    ],
    [
      ["up", "-c", join(folder, "none.yaml")],
      2,
      /none\.yaml: cannot be read \(no such file\): name the site file with -c\n$/,
    ],
    [["up", "-c", file, "--server", "two"], 2, /no server two in the site file: name one with --server \(one\)\n$/],
    [["install", "vm9", "--state", state], 2, /^everboot: no host vm9 in the site file: did you mean vm1\?\n$/],
    [
      ["install", "vm1", "--state", state],
      1,
      /^everboot: tree debian-12 lacks the files that its installer starts from: /,
    ],
    [["install", "vm1", "--minutes", "soon", "--state", state], 2, /minutes/],
    [["install", "--state", state], 2, /^everboot: usage: everboot install HOST/],
    [["install", "--all", "--state", state], 1, /^everboot: tree debian-12 lacks /],
    [["install", "--profile", "plian", "--state", state], 2, /^everboot: no host has profile plian: /],
    [["cancel", "vm1", "--state", state], 1, /^everboot: no such permit/],
    [["explode"], 2, /^everboot: no command explode: see everboot help\n$/],
    [["status", "--nope"], 2, /^everboot: Unknown option '--nope'/],
  ];
  for (const [args, code, message] of rows) {
    const ended = await everboot(server, ...args);
    assert.match(ended.err, message, args.join(" "));
    assert.equal(ended.err.trimEnd().split("\n").length, 1, args.join(" "));
    assert.equal(ended.code, code, args.join(" "));
  }
});

test("two subnets on two interfaces: each client is answered from its own", { skip }, async (context) => {
  const { server, client } = await makeLink(context);
  const other = await makeSpace(context, "evuo");
  await connect(server, "eth1", other, "eth0");
  await server.ip("addr add 192.168.78.1/24 dev eth1");
  const site = exampleText("single")
    .replace("unknown: ignore", "  - {cidr: 192.168.78.0/24}\nunknown: ignore")
    .replace("interface: br0", "interface: [br0, eth1]")
    .replace("  vm2:", '  vm3: {nics: ["52:54:00:00:00:05"], address: 192.168.78.105, profile: plain}\n  vm2:');
  const { file, state } = await makeFolder(context, site);
  const { ready } = await up(context, server, file, state);
  assert.equal(ready, "ready: server one of site home on 192.168.77.1, 192.168.78.1");
  assert.equal(await leaseOf(client, "52:54:00:00:00:01"), "192.168.77.101");
  assert.equal(await leaseOf(other, "52:54:00:00:00:05"), "192.168.78.105");
  assert.equal(await leaseOf(other, "52:54:00:00:00:01"), undefined, "vm1's address would not work there");
  await other.ip("addr add 192.168.78.105/24 dev eth0");
  const script = await other.exec("curl", ["-sS", "http://192.168.78.1/boot/ipxe/52-54-00-00-00-05"]);
  assert.match(script, /^#!ipxe\n/);
});
