/** `everboot demo`: the main job on this computer, in one terminal, with a real machine's firmware and installer. */
import { bytesText, durationText, hostText } from "../src/cli/status-text.ts";
import type { HostStatus } from "../src/cluster/trace.ts";
import { type InstallGoal, type InstallReport, runInstall, type StageTime } from "./install-run.ts";
import { kvmWorks } from "./kvm.ts";
import { installPackages, LAB_PURPOSES, netbootImage } from "./prerequisites.ts";
import { STAGE_LABELS } from "./progress.ts";
import { openRack, type Rack } from "./rack.ts";

export interface DemoOptions {
  readonly out: (line: string) => void;
  /** Replaces the last line of a terminal; absent where there is none. */
  readonly live?: (line: string) => void;
  readonly signal: AbortSignal;
  readonly firmware: "bios" | "uefi";
  /** To the end, even where the machine is emulated and takes twenty minutes for it. */
  readonly full: boolean;
}

const HOST = "vm1";

/** Resolves with the exit code. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { out, signal } = options;
  await installPackages(LAB_PURPOSES, out);
  const goal = await chooseGoal(options);
  out(
    `A rack on this computer: a network of its own, an install server, ${options.firmware.toUpperCase()} machine ${HOST}.`,
  );
  const rack = await openRack({ name: "demo", tell: (line) => out(`  ${line}`) });
  try {
    signal.throwIfAborted();
    out("");
    out("Its site file (all there is to write):");
    for (const line of summary(rack)) out(`  ${line}`);
    out("");
    out(`everboot install ${HOST}   and the machine is switched on:`);
    const report = await runInstall(rack, {
      host: HOST,
      firmware: options.firmware,
      until: goal,
      signal,
      ...views(options),
    });
    tellEnd(options, report, goal);
    return report.outcome === "reached" ? 0 : 1;
  } finally {
    await rack.close();
  }
}

/** An emulated machine takes about twenty minutes for a whole installation: the demo stops when packages arrive. */
async function chooseGoal({ full, out }: DemoOptions): Promise<InstallGoal> {
  const kernel = netbootImage();
  const fast = kernel !== undefined && (await kvmWorks(`${kernel.folder}/linux`));
  if (!fast) {
    out(
      `This computer has no usable KVM: the machine is emulated, and slow.${full ? "" : " The demo ends when packages arrive (--full: goes to the end)."}`,
    );
  }
  return full || fast ? "booted-from-disk" : "packages";
}

/** The parts of the rack's site file that matter to a reader. */
function summary(rack: Rack): string[] {
  const [host] = rack.hosts;
  const bond = host?.bond ? ", bonded" : "";
  return [
    "subnets:  192.168.77.0/24, dhcp: authoritative, unknown: ignore",
    "servers:  one, at 192.168.77.1",
    `hosts:    ${HOST}, NICs ${host?.nics.join(" and ")}${bond}, at ${host?.address}, profile small (Debian)`,
  ];
}

function views({ out, live }: DemoOptions) {
  return {
    onStage: (stage: StageTime) => out(`  ${clock(stage.seconds)}  ${STAGE_LABELS[stage.stage]}`),
    onStatus: (status: unknown) => live?.(`         ${progressLine(status as HostStatus)}`),
  };
}

function clock(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`.padStart(6);
}

/** What the server has sent so far, and what it waits for. */
function progressLine(status: HostStatus): string {
  const stages = status.boot?.stages ?? [];
  const files = stages.reduce((sum, stage) => sum + stage.files, 0);
  const bytes = stages.reduce((sum, stage) => sum + stage.bytes, 0);
  const waiting = status.awaiting ? `; waiting for ${status.awaiting.what}` : "";
  return `sent ${files} files, ${bytesText(bytes)}${waiting}`;
}

const OUTCOMES: Readonly<Record<Exclude<InstallReport["outcome"], "reached" | "cancelled">, string>> = {
  question: "the installer asks something that the site file does not answer",
  stalled: "nothing has happened for ten minutes",
  ended: "the machine went away",
  "out-of-time": "it took too long",
};

function tellEnd({ out }: DemoOptions, report: InstallReport, goal: InstallGoal): void {
  out("");
  if (report.outcome === "cancelled") {
    out("Stopped. Nothing is left behind.");
    return;
  }
  if (report.outcome !== "reached") {
    out(`The demo did not get to its end: ${OUTCOMES[report.outcome]}. The machine's last lines:`);
    for (const line of report.screen.trimEnd().split("\n").slice(-8)) out(`  | ${line}`);
    return;
  }
  out(`everboot status ${HOST}`);
  const status = report.status as HostStatus & { readonly now: number };
  for (const line of hostText(status, { now: status.now, color: false })) out(`  ${line}`);
  out("");
  out(`Done in ${durationText(report.seconds * 1000)}: ${goal === "packages" ? REACHED_PACKAGES : REACHED_DISK}`);
  out("Nothing is left behind: network, machine, disk and state are gone. Next:");
  out("  everboot demo --uefi          the same with a UEFI machine; --full goes to the end");
  out("  everboot check -c site.yaml   your own site file; docs/site-file.md has every key");
  out("  everboot up -c site.yaml      your own server");
}

const REACHED_PACKAGES =
  "from its firmware, over loader, kernel and answers, to a partitioned disk; now its packages arrive.";
const REACHED_DISK = "installed, restarted over the network, told to boot from its disk; it asks for a log-in.";
