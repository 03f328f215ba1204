/** One daemon in a namespace takes other site files while machines download from it. */
import assert from "node:assert/strict";
import { type ChildProcess, execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { EVERBOOT } from "../../lab/daemon-process.ts";
import { connect, Namespace, namespaceObstacle } from "../../lab/netns.ts";
import { packageObstacle } from "../../lab/prerequisites.ts";
import { askDaemon } from "../../src/cli/daemon-client.ts";
import type { SiteReport } from "../../src/server/boot/operations.ts";
import { exampleText } from "../support/sites.ts";

const skip = namespaceObstacle() ?? packageObstacle("clients", "loaders") ?? false;
const WAIT_MS = 60_000;
const BIG = Buffer.alloc(12_000_000, "Everboot!");

const FIRST = exampleText("single");
const NEW_MAC = "52:54:00:00:00:07";
const WITH_VM3 = `${FIRST}  vm3: {nics: ["${NEW_MAC}"], address: 192.168.77.107, profile: plain}\n`;
const ELSEWHERE = WITH_VM3.replace("192.168.77.1, interface", "192.168.77.9, interface");
const OTHER_PORT = WITH_VM3.replace("interface: br0", "interface: br0, http_port: 8080");

let server: Namespace;
let clients: Namespace;
let machine: Namespace;
let folder: string;
let daemon: ChildProcess;

before(async () => {
  if (skip) return;
  folder = mkdtempSync(join(tmpdir(), "everboot-apply-"));
  const tree = join(folder, "trees/debian-12");
  mkdirSync(tree, { recursive: true });
  writeFileSync(join(tree, "big"), BIG);
  writeFileSync(join(folder, "site.yaml"), FIRST);
  [server, clients, machine] = [
    await Namespace.create("aps"),
    await Namespace.create("apc"),
    await Namespace.create("apm"),
  ];
  await server.bridge("br0", "192.168.77.1/24");
  for (const [port, space] of [
    ["p0", clients],
    ["p1", machine],
  ] as const) {
    await connect(server, port, space, "eth0");
    await server.ip(`link set ${port} master br0`);
  }
  await clients.ip("addr add 192.168.77.102/24 dev eth0");
  await machine.ip(`link set eth0 address ${NEW_MAC}`);
  daemon = await up();
});

after(async () => {
  if (skip) return;
  for (const space of [server, clients, machine]) await space.remove();
  rmSync(folder, { recursive: true });
});

async function up(): Promise<ChildProcess> {
  const args = ["up", "-c", join(folder, "site.yaml"), "--state", join(folder, "state")];
  const child = server.spawn(process.execPath, [EVERBOOT, ...args]);
  assert.ok(child.stdout && child.stderr);
  child.stderr.on("data", (chunk: Buffer) => writeFileSync(join(folder, "log"), chunk, { flag: "a" }));
  await once(createInterface({ input: child.stdout }), "line", { signal: AbortSignal.timeout(WAIT_MS) });
  return child;
}

/** Writes `text` to a file of its own, and applies it. */
function apply(text: string, ...options: string[]): Promise<{ code: number; lines: string[] }> {
  const file = join(folder, "next.yaml");
  writeFileSync(file, text);
  const args = ["apply", "-c", file, "--state", join(folder, "state"), ...options];
  return new Promise((resolve) => {
    execFile("ip", ["netns", "exec", server.name, process.execPath, EVERBOOT, ...args], (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), lines: `${err}${out}`.trimEnd().split("\n") }),
    );
  });
}

async function report(): Promise<SiteReport> {
  return (await askDaemon(join(folder, "state/control.sock"), "GET", "/api/v1/site")) as SiteReport;
}

/** A client that has had a part of the file, and then stands still. */
async function haltedDownload(program: string, args: readonly string[], to: string): Promise<ChildProcess> {
  const child = clients.spawn(program, args, { stdio: "ignore" });
  const end = performance.now() + WAIT_MS;
  while ((statSync(to, { throwIfNoEntry: false })?.size ?? 0) < 500_000) {
    assert.ok(performance.now() < end && child.exitCode === null, `${program} does not get on`);
    await delay(5);
  }
  child.kill("SIGSTOP");
  assert.ok(statSync(to).size < BIG.length, `${program} was too quick`);
  return child;
}

test("hosts are applied while files go out by HTTP and TFTP: both go on, and the new host is answered at once", {
  skip,
  timeout: 120_000,
}, async () => {
  const path = "trees/debian-12/big";
  const [web, tftp] = [join(folder, "web"), join(folder, "tftp")];
  const downloads = [
    await haltedDownload("curl", ["-sS", "--limit-rate", "3M", "-o", web, `http://192.168.77.1/${path}`], web),
    await haltedDownload("curl", ["-sS", "-o", tftp, `tftp://192.168.77.1/${path}`], tftp),
  ];
  const { code, lines } = await apply(WITH_VM3, "--yes");
  assert.deepEqual(
    [code, lines[0], ...lines.slice(-2)],
    [0, "hosts: 1 added (vm3)", "applied as revision 1", "one serves revision 1"],
  );
  const lease = await machine.exec("udhcpc", ["-i", "eth0", "-n", "-q", "-t", "5", "-T", "1", "-s", "/bin/true"]);
  assert.match(lease, /lease of 192\.168\.77\.107 obtained/);
  const script = await clients.exec("curl", ["-sS", `http://192.168.77.1/boot/ipxe/${NEW_MAC.replaceAll(":", "-")}`]);
  assert.match(script, /^#!ipxe\n/);

  for (const child of downloads) {
    child.kill("SIGCONT");
    assert.deepEqual(await once(child, "exit"), [0, null]);
  }
  for (const to of [web, tftp]) assert.equal(hashOf(readFileSync(to)), hashOf(BIG), to);
});

test("the same file again is nothing to apply; what follows another revision is a conflict", { skip }, async () => {
  const again = await apply(WITH_VM3, "--yes");
  assert.equal(again.code, 0);
  assert.match(again.lines.join("\n"), /^nothing to apply: .*next\.yaml is revision 1$/);
  await assert.rejects(
    askDaemon(join(folder, "state/control.sock"), "PUT", "/api/v1/site", { text: FIRST, expected: 0 }),
    /^EverbootError: revision 1 was applied meanwhile, at one: /,
  );
  assert.equal((await report()).number, 1);
});

test("what does not go here is taken back, and the daemon says why", { skip, timeout: 120_000 }, async () => {
  const { code, lines } = await apply(ELSEWHERE, "--yes");
  assert.equal(code, 1);
  assert.match(lines.join("\n"), /^the server changes: it restarts/m);
  assert.match(
    lines.at(-1) ?? "",
    /^one does not serve revision 2: server one: its address 192\.168\.77\.9 is on no interface of this machine/,
  );
  assert.match(await clients.exec("curl", ["-sSI", "http://192.168.77.1/trees/debian-12/big"]), /^HTTP\/1\.1 200 /);
});

test("another port: the daemon restarts its servers in place", { skip, timeout: 120_000 }, async () => {
  const { code, lines } = await apply(OTHER_PORT, "--yes");
  assert.deepEqual([code, lines.at(-1)], [0, "one serves revision 3"], lines.join("\n"));
  assert.equal(daemon.exitCode, null);
  assert.match(
    await clients.exec("curl", ["-sSI", "http://192.168.77.1:8080/trees/debian-12/big"]),
    /^HTTP\/1\.1 200 /,
  );
});

test("started again with its old file, it serves what was applied, and warns", { skip, timeout: 120_000 }, async () => {
  daemon.kill("SIGKILL");
  await once(daemon, "exit");
  daemon = await up();
  assert.match(readFileSync(join(folder, "log"), "utf8"), /site file differs from applied revision 3, which is served/);
  const { number, servers } = await report();
  assert.deepEqual([number, servers.map(({ serves }) => serves?.number)], [3, [3]]);
  assert.match(
    await clients.exec("curl", ["-sSI", "http://192.168.77.1:8080/trees/debian-12/big"]),
    /^HTTP\/1\.1 200 /,
  );
});

test("a site file without this server ends it", { skip, timeout: 120_000 }, async () => {
  const { code, lines } = await apply(OTHER_PORT.replace("  one: {", "  two: {"), "--yes");
  assert.deepEqual([code, lines.at(-1)], [0, "one leaves the site and ends: ask another server who serves revision 4"]);
  if (daemon.exitCode === null) await once(daemon, "exit", { signal: AbortSignal.timeout(WAIT_MS) });
  assert.equal(daemon.exitCode, 0);
});

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
