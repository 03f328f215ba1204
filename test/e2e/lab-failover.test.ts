/**
 * The first promise with a real machine: an install survives its server. Two whole servers and a witness; the one that
 * serves the machine loses its cables and all that runs on it. On demand: EVERBOOT_LAB=quick (once, in the middle of the
 * initrd, until the installer runs) or server-kills (five times, at five stages, the dead server back before the next
 * one dies; to the end).
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { kill } from "../../lab/cleanup.ts";
import { clusterObstacle } from "../../lab/cluster.ts";
import { ClusterRack } from "../../lab/cluster-rack.ts";
import type { Fault } from "../../lab/faults.ts";
import { type InstallOptions, runInstall } from "../../lab/install-run.ts";
import { LAB_PURPOSES, packageObstacle } from "../../lab/prerequisites.ts";
import { debianTree } from "../../lab/rack.ts";
import { CLUSTER_RACK_HOSTS, type RackHost } from "../../lab/rack-site.ts";
import type { JournalEvent } from "../../src/cluster/events.ts";
import { statePaths } from "../../src/cluster/state-folder.ts";
import { DATA, readRemote } from "../../src/store/replica-keys.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { ProgressWatch } from "../support/progress-watch.ts";

function obstacle(kind: "quick" | "server-kills"): string | undefined {
  if (process.env.EVERBOOT_LAB !== kind) return `long: set EVERBOOT_LAB=${kind}`;
  return clusterObstacle() ?? packageObstacle(...LAB_PURPOSES);
}

const [VM1] = CLUSTER_RACK_HOSTS;

function tell(line: string): void {
  process.stdout.write(`# ${line}\n`);
}

/** Kills the server that serves the machine, and brings it back after so many milliseconds. */
async function killServing(rack: ClusterRack, awayMs: number): Promise<void> {
  const dying = await rack.holder(rack.addressOf(VM1.name));
  for (const { address, heir, ms } of await rack.kill(dying))
    tell(`${dying.name} is dead; ${address} is at ${heir.name} after ${Math.round(ms)} ms`);
  await delay(awayMs);
  await rack.revive(dying);
  tell(`${dying.name} is back`);
}

async function withRack(host: RackHost, use: (rack: ClusterRack) => Promise<void>): Promise<void> {
  const rack = await ClusterRack.open({ name: "rk", servers: 2, hosts: [host], tree: await debianTree() });
  try {
    await use(rack);
  } finally {
    await rack.close();
  }
}

async function install(rack: ClusterRack, options: Omit<InstallOptions, "host">) {
  const report = await runInstall(rack, {
    host: VM1.name,
    onStage: ({ seconds, stage }) => tell(`${seconds} s: ${stage}`),
    onFault: ({ seconds, bytes }) => tell(`${seconds} s: a server dies; the machine has been sent ${bytes} bytes`),
    ...options,
  });
  const evidence = [`${report.outcome}: ${report.screen}`, installerLogs(rack), rack.cluster.logs()];
  assert.equal(report.outcome, "reached", evidence.join("\n"));
  assert.equal(report.faults.length, options.faults?.length);
  return report;
}

/** What the installer told each server last: the rack is gone when a failure is read. */
function installerLogs({ cluster }: ClusterRack): string {
  const tails = cluster.servers.map((server) => {
    const folder = join(statePaths(cluster.state(server)).logs, VM1.name);
    const logs = existsSync(folder) ? readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8")) : [];
    return `${VM1.name} to ${server.name}: ${logs.map((log) => log.slice(-3000)).join("\n") || "nothing"}`;
  });
  return tails.join("\n");
}

test("its server dies in the middle of the initrd: the installer runs", { skip: obstacle("quick") }, async () => {
  await withRack(VM1, async (rack) => {
    const faults: Fault[] = [{ at: 0, bytes: 20_000_000, strike: () => killServing(rack, 0) }];
    const { status } = await install(rack, { until: "installer", timeoutMs: 10 * 60_000, faults });
    assert.equal(status.permit?.state, "started");
  });
});

/** With PXELINUX everything up to the installer's start comes by TFTP. */
const KILLS: ReadonlyArray<readonly [string, Omit<Fault, "strike">]> = [
  ["loader", { at: 0, bytes: 20_000 }],
  ["initrd", { at: 0, bytes: 25_000_000 }],
  ["components of the installer", { at: "components", bytes: 500_000 }],
  ["base system", { at: "base", bytes: 5_000_000 }],
  ["further packages", { at: "packages", bytes: 1_000_000 }],
];

test("its server dies five times, at five stages: installed, verified, one permit used once", {
  skip: obstacle("server-kills"),
}, async () => {
  await withRack({ ...VM1, loader: "pxelinux" }, async (rack) => {
    const bar = new ProgressWatch(tell);
    const faults = KILLS.map(([, when]) => ({ ...when, strike: () => killServing(rack, 2000) }));
    await install(rack, {
      until: "booted-from-disk",
      timeoutMs: 3 * 60 * 60_000,
      stallMs: 30 * 60_000,
      plainPxe: true,
      faults,
      onStatus: (status) => bar.look(status),
      afterwards: () => verified(rack),
    });
    assert.deepEqual([bar.faults, bar.fraction], [[], 1]);
    await rack.cluster.untilWell();
    const events = await journal(rack);
    const uses = events.filter(({ what }) => what === "permit-used");
    assert.equal(uses.length, 1, JSON.stringify(uses));
    const started = events.filter(({ what }) => what === "permit-issued" || what === "permit-started");
    assert.deepEqual(new Set(started.map(({ permit }) => permit)), new Set([uses[0]?.permit]));
    assert.equal(
      events.some(({ what, facts }) => what === "report" && facts.event === "failed"),
      false,
    );
  });
});

/** The machine reports its network at its first boot. */
async function verified(rack: ClusterRack): Promise<void> {
  const deadline = performance.now() + 10 * 60_000;
  for (;;) {
    const { state, lastNote, permit } = await rack.status(VM1.name);
    tell(`${state}: ${lastNote?.text}`);
    if (state === "verified") return assert.equal(permit?.state, "used");
    assert.notEqual(state, "differs", lastNote?.text);
    assert.ok(performance.now() < deadline, `${state}: ${lastNote?.text}`);
    await delay(5000);
  }
}

/** As every server has it after all that happened: their copies are compared. */
async function journal(rack: ClusterRack): Promise<readonly JournalEvent[]> {
  const copies: JournalEvent[][] = [];
  for (const server of rack.cluster.servers) {
    const daemon = rack.cluster.daemon(server);
    const ended = daemon && once(daemon, "exit");
    kill(daemon?.pid, "SIGTERM");
    await ended;
    const store = await openSqliteStore(statePaths(rack.cluster.state(server)).store);
    const entries = await store.list(`${DATA}journal/${VM1.name}/`);
    await store.close();
    copies.push(entries.map(({ value }) => JSON.parse(readRemote(value).value ?? "") as JournalEvent));
  }
  const [first = [], ...others] = copies;
  for (const other of others) assert.deepEqual(other, first);
  return first;
}
