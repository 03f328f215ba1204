/**
 * `everboot demo`: the main job on this computer, in one terminal: a machine's real firmware and installer, several
 * servers, and the one that serves the machine killed in mid-install.
 */
import { EverbootError } from "../src/base/errors.ts";
import { type DemoRack, openDemoRack } from "./demo-rack.ts";
import { introduce, progressLine, STOPPED, tellEnd, tellStage, tellStatus } from "./demo-text.ts";
import type { Fault } from "./faults.ts";
import { type InstallGoal, type InstallOptions, runInstall } from "./install-run.ts";
import { kvmWorks } from "./kvm.ts";
import { namespaceObstacle } from "./netns.ts";
import { installPackages, LAB_PURPOSES, netbootImage } from "./prerequisites.ts";
import { debianTree, type TreeSource } from "./rack.ts";
import type { SimulatedStep } from "./simulate/machine.ts";
import { runSimulation } from "./simulate/run.ts";
import { noiseTree } from "./simulate/tree.ts";

export interface DemoOptions {
  readonly out: (line: string) => void;
  /** Replaces the last line of a terminal; absent where there is none. */
  readonly live?: (line: string) => void;
  readonly signal: AbortSignal;
  readonly firmware: "bios" | "uefi";
  /** 2 to 9. */
  readonly servers: number;
  /** When the server is killed: in the middle of the initrd, or at a moment that nobody has chosen. */
  readonly kill: "initrd" | "random";
  /** To the end, even where the machine is emulated and takes half an hour for it. */
  readonly full: boolean;
  /** A simulated machine even where a real one could be had. */
  readonly simulate: boolean;
}

const HOST = "vm1";
/** What a machine is sent until its installer runs: kernel and initrd. */
const BOOT_BYTES = 49_000_000;
/** And until its system is installed. */
const INSTALL_BYTES = 90_000_000;
/** Of simulated machines. */
const PACKAGES = 40;
/** An emulated machine on a busy computer: the demo has then seen enough, if the installer runs. */
const ENOUGH_SECONDS = 180;

/** Resolves with the exit code: 0 only if the machine got through. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { out, signal } = options;
  const obstacle = namespaceObstacle();
  if (obstacle !== undefined) throw new EverbootError("usage", { what: `demo ${obstacle}` });
  try {
    return await (options.simulate ? simulatedDemo(options) : realOrSimulated(options));
  } catch (error) {
    // Ctrl-C reaches all that runs here: whatever fails then has been stopped.
    if (!signal.aborted) throw error;
    out(STOPPED);
    return 1;
  }
}

async function realOrSimulated(options: DemoOptions): Promise<number> {
  const { out } = options;
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
  out(`A rack on this computer: install servers in networks of their own, ${firmware.toUpperCase()} machine ${HOST}.`);
  const demo = await openDemoRack({ ...options, host: HOST, tree });
  try {
    signal.throwIfAborted();
    introduce(out, demo, HOST);
    const faults = chooseFaults(options, demo, goal);
    const report = await runInstall(demo.rack, {
      ...{ host: HOST, firmware, until: goal, signal, faults },
      ...views(options, demo),
      ...(goal === "components" && { orAfter: { seconds: ENOUGH_SECONDS, stage: "kernel" } }),
    });
    tellEnd(out, report);
    return report.outcome === "reached" && report.faults.length === faults.length ? 0 : 1;
  } finally {
    await demo.rack.close();
  }
}

/** One kill while the machine boots; where it is installed to the end, another one in the midst of its packages. */
function chooseFaults({ kill, out }: DemoOptions, demo: DemoRack, goal: InstallGoal): Fault[] {
  const strike = demo.kill.bind(demo);
  const toTheEnd = goal === "booted-from-disk";
  if (kill === "random") {
    const bytes = Math.round(Math.random() * (toTheEnd ? INSTALL_BYTES : BOOT_BYTES));
    out(`The server that serves ${HOST} is killed when ${HOST} has been sent ${bytes} bytes.`);
    return [{ at: 0, bytes, strike }];
  }
  const inInitrd: Fault = { at: 0, bytes: BOOT_BYTES / 2, strike };
  return toTheEnd ? [inInitrd, { at: "base", bytes: 10_000_000, strike }] : [inInitrd];
}

/** An emulated machine takes about half an hour for a whole installation: the demo stops when its installer works. */
async function chooseGoal({ full, out }: DemoOptions): Promise<InstallGoal> {
  const image = netbootImage();
  const fast = image !== undefined && (await kvmWorks(`${image.folder}/linux`));
  if (!fast) {
    const end = full ? "" : " The demo ends when the installer loads its parts (--full: goes to the end).";
    out(`This computer has no usable KVM: the machine is emulated, and slow.${end}`);
  }
  return full || fast ? "booted-from-disk" : "components";
}

function views({ out, live }: DemoOptions, demo: DemoRack): Partial<InstallOptions> {
  let awaiting: string | undefined;
  return {
    onStage: (stage) => tellStage(out, stage),
    onStatus: (status) => {
      awaiting = status.awaiting?.what;
    },
    ...(live && { onReceived: (bytes: number) => live(progressLine(bytes, demo.serving(), awaiting)) }),
  };
}

/** The servers are real and the machine is not: it asks as firmware, iPXE and installer do, and installs nothing. */
async function simulatedDemo(options: DemoOptions): Promise<number> {
  const { out, live, signal } = options;
  out(`Machine ${HOST} is simulated: it asks the real servers as a real one would, and installs nothing.`);
  const demo = await openDemoRack({ ...options, host: HOST, tree: noiseTree({ packages: PACKAGES, bytes: 500_000 }) });
  try {
    signal.throwIfAborted();
    introduce(out, demo, HOST);
    await demo.rack.install(HOST);
    const killAt = options.kill === "random" ? Math.ceil(Math.random() * PACKAGES) : PACKAGES / 4;
    let packages = 0;
    /** Resolves with what went wrong. */
    let killing: Promise<unknown> = Promise.resolve();
    const onStep = (step: SimulatedStep) => {
      if (step.step === "package") {
        live?.(`         package ${step.text} from ${demo.serving()}`);
        packages += 1;
        if (packages === killAt) killing = demo.kill().catch((error: unknown) => error);
      } else if (step.step !== "file") out(`  ${step.step.padEnd(9)} ${step.text}`);
    };
    const { code, complaint } = await runSimulation(demo.rack, { host: HOST, pauseMs: 150, onStep, signal });
    signal.throwIfAborted();
    const trouble = await killing;
    if (trouble !== undefined) throw trouble;
    out("");
    if (code === 0) tellStatus(out, await demo.rack.status(HOST));
    else out(`The simulated machine failed: ${complaint.trim().split("\n").at(-1)}`);
    return code === 0 ? 0 : 1;
  } finally {
    await demo.rack.close();
  }
}
