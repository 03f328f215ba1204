/**
 * The main job with a real machine: firmware, loader, Debian Installer, served by Everboot alone. Minutes long, so only
 * on demand: EVERBOOT_LAB=quick (BIOS, until packages arrive), full (BIOS and UEFI, until the installed system asks
 * for a log-in) or kills (the daemon is killed ten times on the way).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type InstallOptions, type InstallReport, killDaemon, runInstall } from "../../lab/install-run.ts";
import { namespaceObstacle } from "../../lab/netns.ts";
import { LAB_PURPOSES, packageObstacle } from "../../lab/prerequisites.ts";
import { openRack, type Rack, type RackOptions } from "../../lab/rack.ts";
import { RACK_HOSTS } from "../../lab/rack-site.ts";
import type { HostStatus } from "../../src/cluster/status.ts";
import type { LoaderChoice } from "../../src/site/model.ts";
import { random } from "../support/lossy-udp.ts";
import { ProgressWatch } from "../support/progress-watch.ts";

const WANTED = process.env.EVERBOOT_LAB;

function obstacle(kind: "quick" | "full" | "kills"): string | undefined {
  if (WANTED !== kind) return `long: set EVERBOOT_LAB=${kind}`;
  return namespaceObstacle() ?? packageObstacle(...LAB_PURPOSES);
}

async function install(
  rackOptions: RackOptions,
  options: InstallOptions | ((rack: Rack) => InstallOptions),
  check: (rack: Rack) => Promise<void>,
) {
  const rack = await openRack(rackOptions);
  try {
    const report = await runInstall(rack, typeof options === "function" ? options(rack) : options);
    assert.equal(report.outcome, "reached", `${report.outcome}: ${report.screen}`);
    await check(rack);
    return report;
  } finally {
    await rack.close();
  }
}

function serverStages(report: InstallReport): string[] {
  return (report.status.boot?.stages ?? []).map(({ stage }) => stage);
}

test("BIOS: from the firmware to the packages, without a question", { skip: obstacle("quick") }, async () => {
  const report = await install({ name: "labquick" }, { host: "vm1", until: "packages" }, async (rack) => {
    const answer = await rack.everboot("status", "vm1", "--json", "--state", rack.state);
    assert.equal(answer.code, 0, answer.stderr);
    assert.equal(JSON.parse(answer.stdout).state, "installing");
  });
  for (const stage of ["firmware", "loader", "kernel", "network", "partitioning", "base"]) {
    assert.ok(
      report.stages.some((reached) => reached.stage === stage),
      `${stage} is missing in ${JSON.stringify(report.stages)}`,
    );
  }
  assert.deepEqual(serverStages(report), ["dhcp", "script", "kernel", "answer", "packages"]);
});

/** Firmware, loader, and the machine that goes this way. */
const PATHS: ReadonlyArray<readonly [string, LoaderChoice, Omit<InstallOptions, "host" | "until">]> = [
  ["BIOS PXE, undionly.kpxe", "auto", { plainPxe: true }],
  ["BIOS PXE, pxelinux.0", "pxelinux", { plainPxe: true }],
  ["UEFI PXE, snponly.efi", "auto", { firmware: "uefi", rom: false }],
  ["UEFI PXE, shim and GRUB", "grub", { firmware: "uefi", rom: false }],
  ["UEFI HTTP boot, snponly.efi", "auto", { firmware: "uefi", rom: false, httpBoot: true }],
];

for (const [name, loader, machine] of PATHS) {
  test(`${name}: reaches the installer`, { skip: obstacle("full") }, async () => {
    const hosts = [{ ...RACK_HOSTS[0], loader }];
    const options: InstallOptions = { host: "vm1", until: "installer", timeoutMs: 10 * 60_000, ...machine };
    const report = await install({ name: "labpath", hosts }, options, async () => undefined);
    assert.deepEqual(serverStages(report), ["dhcp", "loader", "script", "kernel"]);
  });
}

const FULL: ReadonlyArray<readonly [string, Omit<InstallOptions, "host" | "until">]> = [
  ["BIOS", { firmware: "bios" }],
  ["UEFI with the firmware's own PXE", { firmware: "uefi", rom: false }],
];

for (const [name, machine] of FULL) {
  test(`${name}: to the end, and then from the disk`, { skip: obstacle("full") }, async () => {
    const bar = new ProgressWatch((line) => process.stdout.write(`# ${line}\n`));
    const onStatus = (status: HostStatus) => bar.look(status);
    const options: InstallOptions = { host: "vm1", until: "booted-from-disk", onStatus, ...machine };
    const report = await install({ name: "labfull" }, options, async (rack) => {
      const { state, permit } = await rack.status("vm1");
      // It may have reported its network already.
      assert.ok(state === "installed" || state === "verified", state);
      assert.equal(permit?.state, "used");
    });
    const rebooted = report.stages.findIndex(({ stage }) => stage === "rebooting");
    const after = report.stages.slice(rebooted + 1).map(({ stage }) => stage);
    assert.equal(after.includes("kernel"), false, "the installer came again");
    assert.equal(after.at(-1), "installed");
    assert.deepEqual([bar.faults, bar.fraction], [[], 1]);
    assert.ok(bar.places >= 20, `${bar.places} places of the bar`);
  });
}

/** Milliseconds that the daemon is away, ten times. */
const AWAY = [0, 5000, 30_000, 120_000, 0, 5000, 30_000, 120_000, 0, 5000];
const SEED = Number(process.env.EVERBOOT_SEED ?? Date.now() % 100_000);

/** Ten moments of an install of half an hour, the next one 60 to 200 s after the daemon came back from the one before. */
function randomKills(seed: number): Array<{ readonly at: number; readonly awayMs: number }> {
  const chance = random(seed);
  let at = 0;
  return AWAY.map((awayMs) => {
    at += 60 + Math.round(chance() * 140);
    const kill = { at, awayMs };
    at += awayMs / 1000;
    return kill;
  });
}

test(`BIOS: ten kills at random moments of an install (EVERBOOT_SEED=${SEED})`, {
  skip: obstacle("kills"),
}, async () => {
  const options = (rack: Rack): InstallOptions => ({
    host: "vm2",
    until: "booted-from-disk",
    faults: randomKills(SEED).map(({ at, awayMs }) => ({ at, strike: () => killDaemon(rack, awayMs) })),
    onStage: ({ seconds, stage }) => process.stdout.write(`# ${seconds} s: ${stage}\n`),
    onFault: ({ seconds }) => process.stdout.write(`# ${seconds} s: the daemon is killed\n`),
  });
  const report = await install({ name: "labkill" }, options, async (rack) => {
    assert.equal((await rack.status("vm2")).permit?.state, "used");
  });
  assert.equal(report.faults.length, AWAY.length);
  assert.deepEqual(serverStages(report), ["dhcp", "script", "kernel", "answer", "packages", "post", "reboot"]);
});
