/** A site file is applied to two whole servers: both take it, one after the other where they must restart. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { kill } from "../../lab/cleanup.ts";
import { clusterObstacle, LAB_TREE, LabCluster, WITNESS } from "../../lab/cluster.ts";
import { EVERBOOT } from "../../lab/daemon-process.ts";
import type { LabServer } from "../../lab/servers.ts";
import type { SiteReport } from "../../src/server/boot/operations.ts";

const skip = clusterObstacle() ?? false;

const BIG = Buffer.alloc(30_000_000, "Everboot!");

let lab: LabCluster;
/** What is applied, from one test to the next. */
let text: string;

before(async () => {
  if (skip) return;
  lab = await LabCluster.open({
    name: "ap",
    servers: 2,
    hosts: { vm1: { nics: ["52:54:00:00:00:01"], address: "10.77.0.101" } },
    fill: (folder) => {
      for (const name of ["linux", "initrd.gz", "big"]) writeFileSync(join(folder, name), BIG);
    },
  });
  text = readFileSync(lab.siteFile, "utf8");
});

after(async () => lab?.close());

/** `everboot apply` at a server. */
function apply(server: LabServer): Promise<{ code: number; lines: string[] }> {
  const file = join(lab.folder, "next.yaml");
  writeFileSync(file, text);
  const args = [EVERBOOT, "apply", "-c", file, "--state", lab.state(server), "--yes"];
  return new Promise((resolve) => {
    execFile("ip", ["netns", "exec", server.space.name, process.execPath, ...args], (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), lines: `${err}${out}`.trimEnd().split("\n") }),
    );
  });
}

function addHost(name: string, number: number): void {
  const host = `  ${name}:\n    nics: ["52:54:00:00:00:0${number}"]\n    address: 10.77.0.10${number}\n    profile: small\n`;
  text = text.replace(/^hosts:\n/m, (line) => line + host);
}

async function report(server: LabServer): Promise<SiteReport> {
  return (await lab.ask(server, "GET", "/api/v1/site")) as SiteReport;
}

async function knows(server: LabServer, host: string): Promise<boolean> {
  return lab.ask(server, "GET", `/api/v1/hosts/${host}`).then(
    () => true,
    () => false,
  );
}

test("what is applied at one server is served by both, and each says so of both", {
  skip,
  timeout: 120_000,
}, async () => {
  const [first, second] = lab.servers;
  assert.ok(first && second);
  addHost("vm2", 2);
  const { code, lines } = await apply(first);
  assert.deepEqual(
    [code, lines[0], ...lines.slice(-3)],
    [0, "hosts: 1 added (vm2)", "applied as revision 1", "server1 serves revision 1", "server2 serves revision 1"],
  );
  assert.equal(await knows(second, "vm2"), true);
  await lab.until("server2 says so", async () =>
    (await lab.report(second)).servers.every(({ serves }) => serves?.number === 1),
  );
});

test("a dead server takes it when it is back", { skip, timeout: 180_000 }, async () => {
  const [first, second] = lab.servers;
  assert.ok(first && second);
  await lab.killServer(second);
  await lab.until("its death is noticed", async () => (await lab.report(first)).servers.some(({ alive }) => !alive));
  addHost("vm3", 3);
  const { code, lines } = await apply(first);
  assert.deepEqual(
    [code, ...lines.slice(-2)],
    [0, "server1 serves revision 2", "server2 is away: it takes revision 2 when it is back"],
  );
  await lab.repair();
  await lab.until("it serves what was applied", () => knows(second, "vm3"));
  assert.equal((await report(second)).number, 2);
});

test("servers that change restart one after the other, and a download from a floating address goes on", {
  skip,
  timeout: 240_000,
}, async () => {
  const [first, second] = lab.servers;
  assert.ok(first && second);
  const to = join(lab.folder, "got");
  const args = ["-sS", "--limit-rate", "2M", "--retry", "30", "--retry-all-errors", "-C", "-", "-o", to];
  const download = lab.net.client.spawn("curl", [...args, `http://${first.floating}/trees/${LAB_TREE}/big`]);
  const ended = once(download, "exit");
  await lab.until("the download is under way", async () => statSync(to).size > 1_000_000);
  text = text.replace(/^subnets:\n/m, (line) => `${line}  - cidr: 10.79.0.0/24\n`);
  const { code, lines } = await apply(first);
  assert.deepEqual([code, ...lines.slice(-2)], [0, "server1 serves revision 3", "server2 serves revision 3"]);
  assert.deepEqual(
    lab.servers.map((server) => lab.daemon(server)?.exitCode),
    [null, null],
  );
  assert.match(logOf(second), /"number":3,"msg":"waits to restart after server1"/);
  assert.deepEqual(await ended, [0, null]);
  assert.ok(readFileSync(to).equals(BIG));
  await lab.untilWell();
});

test("without a quorum nothing is applied, in one line", { skip, timeout: 120_000 }, async () => {
  const [first, second] = lab.servers;
  assert.ok(first && second);
  for (const member of [second.name, WITNESS]) kill(lab.member(member)?.pid, "SIGKILL");
  await lab.until("the loss is noticed", async () => (await lab.report(first)).state.state !== "current");
  addHost("vm4", 4);
  const { code, lines } = await apply(first);
  assert.deepEqual(
    [code, lines[0]],
    [
      1,
      "everboot: the cluster has no quorum or cannot be reached: nothing can be changed now, installs go on; see `everboot cluster status`",
    ],
  );
  assert.equal((await report(first)).number, 3);
});

function logOf({ name }: LabServer): string {
  return readFileSync(join(lab.folder, `${name}.log`), "utf8");
}
