/**
 * Two install servers and a witness: the daemons as they are, real etcd, real keepalived. What one server knows the
 * other knows; when one is killed with all that runs on it, downloads go on and clients are answered by the heir.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { kill } from "../../lab/cleanup.ts";
import { etcdObstacle } from "../../lab/etcd.ts";
import { namespaceObstacle } from "../../lab/netns.ts";
import { packageObstacle } from "../../lab/prerequisites.ts";
import { keepalivedProgram, type LabServer, ServersLab } from "../../lab/servers.ts";
import { UNPACKED_FOLDER } from "../../lab/unpacked.ts";
import { isWell } from "../../src/cli/cluster.ts";
import { askDaemon } from "../../src/cli/daemon-client.ts";
import { statePaths } from "../../src/cluster/state-folder.ts";
import type { ClusterReport } from "../../src/server/boot/operations.ts";
import { Lines } from "../support/dhcp-rack.ts";

const keepalived = keepalivedProgram();
const skip = namespaceObstacle() ?? packageObstacle("clients") ?? etcdObstacle() ?? keepalived.obstacle;
const ETCD = join(UNPACKED_FOLDER, "etcd-server/usr/bin/etcd");
const SIZE = 48_000_000;
const CONTENT = randomBytes(SIZE);
const folder = mkdtempSync(join(tmpdir(), "everboot-cluster-"));
const siteFile = join(folder, "site.yaml");
/** Of the host, and that of the client's own NIC. */
const CLIENT_ADDRESS = "10.77.0.100";

let lab: ServersLab;

const stateOf = ({ name }: LabServer) => join(folder, name);
const socketOf = (server: LabServer) => statePaths(stateOf(server)).socket;
const ask = (server: LabServer, method: string, path: string, body?: unknown) =>
  askDaemon(socketOf(server), method, path, body) as Promise<{
    readonly state: string;
    readonly permit?: { readonly state: string };
  }>;

function siteText(servers: readonly LabServer[], mac: string): string {
  const entries = servers.map(
    ({ name, address, floating, link }) =>
      `  ${name}: {address: ${address}, floating: ${floating}, interface: lan, links: [${link}]}\n`,
  );
  const etcd = [...servers.map(({ address }) => address), CLIENT_ADDRESS].map((address) => `"http://${address}:2379"`);
  return `site: pair
subnets: [{cidr: 10.77.0.0/24, router: 10.77.0.254, domain: lab.example}]
servers:
${entries.join("")}state: {etcd: [${etcd.join(", ")}]}
trees: {noise: {family: debian, release: bookworm, path: ${join(folder, "tree")}}}
profiles: {small: {tree: noise, root: {password: "!", ssh_keys: ["ssh-ed25519 AAAA"]}}}
hosts:
  vm1: {nics: ["${mac}"], address: ${CLIENT_ADDRESS}, profile: small}
`;
}

/** Members on both servers, and a witness where the client is; `only` some of them. */
function startEtcd(servers: readonly LabServer[], only?: string): void {
  const members = [
    ...servers.map(({ name, space, address }) => ({ name, space, address })),
    { name: "witness", space: lab.client, address: CLIENT_ADDRESS },
  ];
  const all = members.map(({ name, address }) => `${name}=http://${address}:2380`).join(",");
  for (const { name, space, address } of members) {
    if (only !== undefined && name !== only) continue;
    const log = openSync(join(folder, `etcd-${name}.log`), "a");
    const flags = {
      name,
      "data-dir": join(folder, `etcd-${name}`),
      "listen-client-urls": `http://${address}:2379`,
      "advertise-client-urls": `http://${address}:2379`,
      "listen-peer-urls": `http://${address}:2380`,
      "initial-advertise-peer-urls": `http://${address}:2380`,
      "initial-cluster": all,
      "heartbeat-interval": "50",
      "election-timeout": "300",
      "max-txn-ops": "16384",
    };
    const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
    space.spawn(ETCD, args, { stdio: ["ignore", log, log] });
  }
}

async function startServer(server: LabServer): Promise<void> {
  const log = openSync(join(folder, `${server.name}.log`), "a");
  const program = join(import.meta.dirname, "cluster-server.ts");
  const args = [
    "--disable-warning=ExperimentalWarning",
    program,
    siteFile,
    server.name,
    stateOf(server),
    keepalived.program,
  ];
  const env = { ...process.env, ...keepalived.env };
  const child = server.space.spawn(process.execPath, args, { stdio: ["ignore", "pipe", log], env });
  await new Lines(child).match(/^ready$/);
}

async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await look().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`${what}: not within 60 s\n${logs()}`);
    await delay(50);
  }
}

/** The last lines of both daemons. */
function logs(): string {
  return lab.servers.map(({ name }) => readFileSync(join(folder, `${name}.log`), "utf8").slice(-2000)).join("\n---\n");
}

async function isHeld(server: LabServer, by: LabServer): Promise<boolean> {
  return (await lab.holders(server.floating)).join() === by.name;
}

/** A lease for the client's NIC, and who it is from. */
function lease(): { readonly address: string; readonly server: string } {
  const args = ["-n", "-q", "-f", "-i", "lan", "-t", "6", "-T", "2", "-s", "/bin/true"];
  const { stderr, stdout } = spawnSync("ip", ["netns", "exec", lab.client.name, "udhcpc", ...args], {
    encoding: "utf8",
  });
  const [, address = "", server = ""] = /lease of (\S+) obtained(?: from (\S+),)?/.exec(stderr + stdout) ?? [];
  assert.notEqual(address, "", stderr + stdout);
  return { address, server };
}

before(async () => {
  if (skip) return;
  lab = await ServersLab.open("clu", 2);
  const mac = /link\/ether (\S+)/.exec(await lab.client.ip("link show lan"))?.[1] ?? "";
  mkdirSync(join(folder, "tree"));
  writeFileSync(join(folder, "tree/big"), CONTENT);
  for (const name of ["linux", "initrd.gz"]) writeFileSync(join(folder, "tree", name), CONTENT.subarray(0, 100_000));
  writeFileSync(siteFile, siteText(lab.servers, mac));
  for (const server of lab.servers) {
    mkdirSync(stateOf(server));
    writeFileSync(join(stateOf(server), "cluster.key"), `${"5a".repeat(32)}\n`, { mode: 0o600 });
  }
  startEtcd(lab.servers);
  await Promise.all(lab.servers.map(startServer));
  for (const server of lab.servers) await until(`${server.name} holds its address`, () => isHeld(server, server));
});

after(async () => {
  await lab?.close();
  rmSync(folder, { recursive: true, force: true });
});

test("a permit that is issued at one server is known at the other", { skip }, async () => {
  const [one, two] = lab.servers;
  assert.ok(one && two);
  // A server hands out nothing and takes no edits before it has caught up.
  await until(
    "the permit is issued",
    async () => (await ask(one, "POST", "/api/v1/hosts/vm1/permit", { replace: true })).state === "issued",
  );
  await until(
    "the other knows it",
    async () => (await ask(two, "GET", "/api/v1/hosts/vm1")).permit?.state === "issued",
  );
});

test("each server sees the other, and who holds which address", { skip }, async () => {
  for (const server of lab.servers) await until(`all is well for ${server.name}`, () => isWellFor(server));
});

test("a client has one answer, by the floating address of its first server", { skip }, async () => {
  const { address, server } = lease();
  assert.equal(address, CLIENT_ADDRESS);
  assert.ok(
    lab.servers.some(({ floating }) => floating === server),
    server,
  );
});

test("a server dies with all that runs on it: wget and curl go on, and the heir answers under the same name", {
  skip,
  timeout: 120_000,
}, async (t) => {
  const { server: identity } = lease();
  const dying = lab.servers.find(({ floating }) => floating === identity);
  const heir = lab.servers.find((server) => server !== dying);
  assert.ok(dying && heir);
  const url = `http://${identity}/trees/noise/big`;
  const clients = [
    { name: "wget", args: ["wget", "-nv", "-c", "--limit-rate=6m", "-O"] },
    {
      name: "curl",
      args: ["curl", "-sS", "--limit-rate", "6M", "--retry", "30", "--retry-all-errors", "-C", "-", "-o"],
    },
  ].map(({ name, args: [program = "", ...args] }) => {
    const to = join(folder, name);
    const child = lab.client.spawn(program, [...args, to, url], { stdio: "ignore" });
    return { name, to, child, ended: once(child, "close") as Promise<[number | null]> };
  });
  await until("both are under way", async () => clients.every(({ to }) => sizeOf(to) > 4_000_000));
  await lab.cut(dying, "lan", "silent");
  await lab.cut(dying, "cross", "silent");
  lab.signal(dying, "SIGKILL");
  const pauses = await Promise.all(clients.map(({ to, ended }) => longestPause(to, ended)));
  const told = clients.map(({ name }, index) => `${name} ${Math.round(pauses[index] ?? 0)} ms`);
  t.diagnostic(`longest pauses: ${told.join(", ")}`);
  for (const { name, to, ended } of clients) {
    assert.equal((await ended)[0], 0, name);
    assert.equal(hashOf(readFileSync(to)), hashOf(CONTENT), name);
  }
  assert.deepEqual(lease(), { address: CLIENT_ADDRESS, server: identity });
  assert.equal((await ask(heir, "GET", "/api/v1/hosts/vm1")).permit?.state, "issued");
  const report = (await askDaemon(socketOf(heir), "GET", "/api/v1/cluster")) as ClusterReport;
  const shown = report.servers.map(({ name, alive, heldBy }) => [name, alive, heldBy]);
  const expected = lab.servers.map(({ name }) => [name, name === heir.name, heir.name]);
  assert.deepEqual(shown, expected);
});

test("the dead server comes back: it catches up, gets its address again, and leaves in order", {
  skip,
  timeout: 180_000,
}, async () => {
  const dead = await notAlive();
  const heir = lab.servers.find((server) => server !== dead);
  assert.ok(dead && heir);
  // Meanwhile something has happened that only the heir and the witness know.
  await ask(heir, "DELETE", "/api/v1/hosts/vm1/permit");
  for (const cable of ["lan", "cross"] as const) await lab.heal(dead, cable);
  startEtcd(lab.servers, dead.name);
  await startServer(dead);
  for (const server of [dead, heir]) await until(`all is well for ${server.name}`, () => isWellFor(server));
  assert.equal((await ask(dead, "GET", "/api/v1/hosts/vm1")).permit?.state, "cancelled");

  const daemon = Number(readFileSync(statePaths(stateOf(dead)).pid, "utf8"));
  kill(daemon, "SIGTERM");
  await until("the heir holds both addresses", () => isHeld(dead, heir));
  assert.equal(lease().address, CLIENT_ADDRESS);
});

async function isWellFor(server: LabServer): Promise<boolean> {
  return isWell((await askDaemon(socketOf(server), "GET", "/api/v1/cluster")) as ClusterReport);
}

/** The server that the other one does not hear. */
async function notAlive(): Promise<LabServer | undefined> {
  for (const server of lab.servers) {
    const report = await askDaemon(socketOf(server), "GET", "/api/v1/cluster").catch(() => undefined);
    const absent = (report as ClusterReport | undefined)?.servers.find(({ alive }) => !alive);
    if (absent) return lab.servers.find(({ name }) => name === absent.name);
  }
  return undefined;
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Milliseconds of the longest time in which the file did not grow, until its client ended. */
async function longestPause(path: string, ended: Promise<unknown>): Promise<number> {
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  let [size, grown, longest] = [sizeOf(path), performance.now(), 0];
  while (!isOver) {
    await delay(10);
    const now = performance.now();
    longest = Math.max(longest, now - grown);
    if (sizeOf(path) === size) continue;
    size = sizeOf(path);
    grown = now;
  }
  return longest;
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
