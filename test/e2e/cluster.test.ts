/**
 * Two install servers and a witness: the daemons as they are, real etcd, real keepalived. What one server knows the
 * other knows; when one is killed with all that runs on it, downloads go on and clients are answered by the heir.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { kill } from "../../lab/cleanup.ts";
import { CLIENT_ADDRESS, clusterObstacle, LAB_TREE, LabCluster } from "../../lab/cluster.ts";
import { packageObstacle } from "../../lab/prerequisites.ts";
import type { LabServer } from "../../lab/servers.ts";

const skip = clusterObstacle() ?? packageObstacle("clients");
const CONTENT = randomBytes(48_000_000);
/** The client's NIC gets it. */
const MAC = "52:54:00:77:00:01";

let lab: LabCluster;

async function permitState(server: LabServer): Promise<string | undefined> {
  const host = (await lab.ask(server, "GET", "/api/v1/hosts/vm1")) as { readonly permit?: { readonly state: string } };
  return host.permit?.state;
}

async function isHeld(server: LabServer, by: LabServer): Promise<boolean> {
  return (await lab.net.holders(server.floating)).join() === by.name;
}

/** A lease for the client's NIC, and who it is from. */
function lease(): { readonly address: string; readonly server: string } {
  const args = ["-n", "-q", "-f", "-i", "lan", "-t", "6", "-T", "2", "-s", "/bin/true"];
  const { stderr, stdout } = spawnSync("ip", ["netns", "exec", lab.net.client.name, "udhcpc", ...args], {
    encoding: "utf8",
  });
  const [, address = "", server = ""] = /lease of (\S+) obtained(?: from (\S+),)?/.exec(stderr + stdout) ?? [];
  assert.notEqual(address, "", stderr + stdout);
  return { address, server };
}

before(async () => {
  if (skip) return;
  lab = await LabCluster.open({
    name: "clu",
    servers: 2,
    hosts: { vm1: { nics: [MAC], address: CLIENT_ADDRESS } },
    fill: (folder) => {
      writeFileSync(join(folder, "big"), CONTENT);
      for (const name of ["linux", "initrd.gz"]) writeFileSync(join(folder, name), CONTENT.subarray(0, 100_000));
    },
  });
  await lab.net.client.ip(`link set lan address ${MAC}`);
});

after(async () => lab?.close());

test("a permit that is issued at one server is known at the other", { skip }, async () => {
  await lab.permit("vm1");
  for (const server of lab.servers)
    await lab.until("the other knows it", async () => (await permitState(server)) === "issued");
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
  const url = `http://${identity}/trees/${LAB_TREE}/big`;
  const clients = [
    { name: "wget", args: ["wget", "-nv", "-c", "--limit-rate=6m", "-O"] },
    {
      name: "curl",
      args: ["curl", "-sS", "--limit-rate", "6M", "--retry", "30", "--retry-all-errors", "-C", "-", "-o"],
    },
  ].map(({ name, args: [program = "", ...args] }) => {
    const to = join(lab.folder, name);
    const child = lab.net.client.spawn(program, [...args, to, url], { stdio: "ignore" });
    return { name, to, child, ended: once(child, "close") as Promise<[number | null]> };
  });
  await lab.until("both are under way", async () => clients.every(({ to }) => sizeOf(to) > 4_000_000));
  await lab.net.cut(dying, "lan", "silent");
  await lab.net.cut(dying, "cross", "silent");
  await lab.killServer(dying);
  const pauses = await Promise.all(clients.map(({ to, ended }) => longestPause(to, ended)));
  const told = clients.map(({ name }, index) => `${name} ${Math.round(pauses[index] ?? 0)} ms`);
  t.diagnostic(`longest pauses: ${told.join(", ")}`);
  for (const { name, to, ended } of clients) {
    assert.equal((await ended)[0], 0, name);
    assert.equal(hashOf(readFileSync(to)), hashOf(CONTENT), name);
  }
  assert.deepEqual(lease(), { address: CLIENT_ADDRESS, server: identity });
  assert.equal(await permitState(heir), "issued");
  const shown = (await lab.report(heir)).servers.map(({ name, alive, heldBy }) => [name, alive, heldBy]);
  assert.deepEqual(
    shown,
    lab.servers.map(({ name }) => [name, name === heir.name, heir.name]),
  );
});

test("the dead server comes back: it catches up, gets its address again, and leaves in order", {
  skip,
  timeout: 180_000,
}, async () => {
  const dead = await notAlive();
  const heir = lab.servers.find((server) => server !== dead);
  assert.ok(dead && heir);
  // Meanwhile something has happened that only the heir and the witness know.
  await lab.ask(heir, "DELETE", "/api/v1/hosts/vm1/permit");
  await lab.repair();
  assert.equal(await permitState(dead), "cancelled");

  kill(lab.daemon(dead)?.pid, "SIGTERM");
  await lab.until("the heir holds both addresses", () => isHeld(dead, heir));
  assert.equal(lease().address, CLIENT_ADDRESS);
});

/** The server that the other one does not hear. */
async function notAlive(): Promise<LabServer | undefined> {
  for (const server of lab.servers) {
    const report = await lab.report(server).catch(() => undefined);
    const absent = report?.servers.find(({ alive }) => !alive);
    if (absent) return lab.server(absent.name);
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
