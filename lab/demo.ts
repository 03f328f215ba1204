/** `everboot demo`: the main job on this computer, in one terminal, with a real machine's firmware and installer. */
import { EverbootError } from "../src/base/errors.ts";
import { bytesText, durationText, hostText } from "../src/cli/status-text.ts";
import type { HostStatus } from "../src/cluster/trace.ts";
import { type InstallGoal, type InstallReport, runInstall, type StageTime } from "./install-run.ts";
import { kvmWorks } from "./kvm.ts";
import { namespaceObstacle } from "./netns.ts";
import { installPackages, LAB_PURPOSES, netbootImage } from "./prerequisites.ts";
import { STAGE_LABELS } from "./progress.ts";
import { debianTree, openRack, type Rack, type TreeSource } from "./rack.ts";
import type { SimulatedStep } from "./simulate/machine.ts";
import { runSimulation } from "./simulate/run.ts";
import { noiseTree } from "./simulate/tree.ts";

export interface DemoOptions {
  readonly out: (line: string) => void;
  /** Replaces the last line of a terminal; absent where there is none. */
  readonly live?: (line: string) => void;
  readonly signal: AbortSignal;
  readonly firmware: "bios" | "uefi";
  /** To the end, even where the machine is emulated and takes twenty minutes for it. */
  readonly full: boolean;
  /** A simulated machine even where a real one could be had. */
  readonly simulate: boolean;
}

const HOST = "vm1";

/** Resolves with the exit code. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { out } = options;
  if (namespaceObstacle() !== undefined) throw new EverbootError("usage", { what: `demo ${namespaceObstacle()}` });
  if (options.simulate) return simulatedDemo(options);
  const tell = (line: string) => out(`  ${line}`);
  const tree = await installPackages(LAB_PURPOSES, out)
    .then(() => debianTree({ tell }))
    .catch(reasonOf);
  if (typeof tree !== "string") return realDemo(options, tree);
  out(tree);
  return simulatedDemo(options);
}

function reasonOf(error: unknown): string {
  if (error instanceof EverbootError) return error.message;
  throw error;
}

async function realDemo(options: DemoOptions, tree: TreeSource): Promise<number> {
  const { out, signal, firmware } = options;
  const goal = await chooseGoal(options);
  out(`A rack on this computer: a network of its own, an install server, ${firmware.toUpperCase()} machine ${HOST}.`);
  const rack = await openRack({ name: "demo", tree, tell: (line) => out(`  ${line}`) });
  try {
    signal.throwIfAborted();
    introduce(options, rack);
    const report = await runInstall(rack, { host: HOST, firmware, until: goal, signal, ...views(options) });
    tellEnd(options, report, goal);
    return report.outcome === "reached" ? 0 : 1;
  } finally {
    await rack.close();
  }
}

/** The servers are real and the machine is not: it asks as firmware, iPXE and installer do, and installs nothing. */
async function simulatedDemo(options: DemoOptions): Promise<number> {
  const { out, signal } = options;
  out(`Machine ${HOST} is simulated: it asks the real server as a real one would, and installs nothing.`);
  const rack = await openRack({ name: "demo", tree: noiseTree({ packages: 40, bytes: 500_000 }) });
  try {
    signal.throwIfAborted();
    introduce(options, rack);
    await rack.install(HOST);
    const onStep = (step: SimulatedStep) => tellStep(options, step);
    const { code, complaint } = await runSimulation(rack, { host: HOST, pauseMs: 150, onStep, signal });
    out("");
    if (signal.aborted) out("Stopped. Nothing is left behind.");
    else if (code !== 0) out(`The simulated machine failed: ${complaint.trim().split("\n").at(-1)}`);
    else tellStatus(options, await rack.status(HOST));
    return code === 0 ? 0 : 1;
  } finally {
    await rack.close();
  }
}

function tellStep({ out, live }: DemoOptions, step: SimulatedStep): void {
  if (step.step === "package") live?.(`         package ${step.text}`);
  else if (step.step !== "file") out(`  ${step.step.padEnd(9)} ${step.text}`);
}

function introduce({ out }: DemoOptions, rack: Rack): void {
  out("");
  out("Its site file (all there is to write):");
  for (const line of summary(rack)) out(`  ${line}`);
  out("");
  out(`everboot install ${HOST}   and the machine is switched on:`);
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
  tellStatus({ out }, report.status);
  out(`Done in ${durationText(report.seconds * 1000)}: ${goal === "packages" ? REACHED_PACKAGES : REACHED_DISK}`);
  out("Nothing is left behind: network, machine, disk and state are gone. Next:");
  out("  everboot demo --uefi          the same with a UEFI machine; --full goes to the end");
  out("  everboot check -c site.yaml   your own site file; docs/site-file.md has every key");
  out("  everboot up -c site.yaml      your own server");
}

function tellStatus({ out }: Pick<DemoOptions, "out">, status: HostStatus & { readonly now: number }): void {
  out(`everboot status ${HOST}`);
  for (const line of hostText(status, { now: status.now, color: false })) out(`  ${line}`);
  out("");
}

const REACHED_PACKAGES =
  "from its firmware, over loader, kernel and answers, to a partitioned disk; now its packages arrive.";
const REACHED_DISK = "installed, restarted over the network, told to boot from its disk; it asks for a log-in.";
