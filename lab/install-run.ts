/** One unattended installation of a virtual machine, watched to its end, with faults on the way if wanted. */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { HostStatus } from "../src/cluster/trace.ts";
import { type Fault, type FaultTime, runFaults } from "./faults.ts";
import { type Machine, type MachineOptions, startMachine } from "./machine.ts";
import { ConsoleProgress, MACHINE_STAGES, type MachineStage, type StageReached } from "./progress.ts";
import type { InstallRack, Rack } from "./rack.ts";

/** `installer`: its kernel runs; `components`: it loads its own parts; `packages`: the base system begins to arrive. */
export type InstallGoal = "installer" | "components" | "packages" | "installed" | "booted-from-disk";

/** The stage of the machine that shows that a goal is reached. */
const GOAL_STAGES: Readonly<Record<InstallGoal, MachineStage>> = {
  installer: "kernel",
  components: "components",
  packages: "base",
  installed: "rebooting",
  "booted-from-disk": "installed",
};

/** SIGKILL for the daemon of a rack with one server, which is started again after some milliseconds. */
export async function killDaemon({ daemon }: Rack, awayMs: number): Promise<void> {
  await daemon.kill();
  await delay(awayMs);
  await daemon.start();
}

export interface InstallOptions extends Partial<Pick<MachineOptions, "firmware" | "rom" | "httpBoot" | "plainPxe">> {
  /** Name of a host of the rack. */
  readonly host: string;
  readonly until: InstallGoal;
  /** The goal counts as reached, too, so many seconds after the start, once the machine is at this stage or beyond. */
  readonly orAfter?: { readonly seconds: number; readonly stage: MachineStage };
  readonly faults?: readonly Fault[];
  readonly onStage?: (stage: StageTime) => void;
  /** Before it strikes. */
  readonly onFault?: (fault: FaultTime) => void;
  /** Gets what `everboot status HOST --json` says, whenever that has changed. */
  readonly onStatus?: (status: HostStatus) => void;
  /** Once a second: the bytes that the machine's NICs have been sent since its start. */
  readonly onReceived?: (bytes: number) => void;
  /** Default: an hour and a half, which an emulated machine on a busy computer may need. */
  readonly timeoutMs?: number;
  /** Nothing on the console and nothing new in the status for so long is a stall; default ten minutes. */
  readonly stallMs?: number;
  readonly signal?: AbortSignal;
  /** Addresses that the machine's NICs show, if not those of the host. */
  readonly macs?: MachineOptions["macs"];
  /** What to do with the machine when the goal is reached, before it is stopped. */
  readonly afterwards?: (machine: Machine) => Promise<void>;
}

export interface StageTime extends StageReached {
  /** Since the machine's start. */
  readonly seconds: number;
}

export interface InstallReport {
  /** `question`: the installer waits for an answer that nobody gives. */
  readonly outcome: "reached" | "question" | "stalled" | "ended" | "out-of-time" | "cancelled";
  readonly stages: readonly StageTime[];
  readonly faults: readonly FaultTime[];
  readonly seconds: number;
  readonly accel: "kvm" | "tcg";
  /** What the server says about the host at the end. */
  readonly status: HostStatus & { readonly now: number };
  /** The last lines of the console: the question, where there is one. */
  readonly screen: string;
}

/** How long a question must stand: while the installer works, its screens look like questions for a moment. */
const QUESTION_STANDS_MS = 20_000;
const LOOK_EVERY_MS = 1000;
const STATUS_EVERY_MS = 5000;

/** Issues the permit, boots the machine from the network, and resolves when the goal is reached or cannot be. */
export async function runInstall(rack: InstallRack, options: InstallOptions): Promise<InstallReport> {
  const host = rack.hosts.find(({ name }) => name === options.host);
  if (!host) throw new Error(`no host ${options.host} in the rack`);
  await rack.install(host.name);
  const firmware = options.firmware ?? "bios";
  const machine = await startMachine({
    ...options,
    space: rack.space,
    bridge: rack.bridge,
    name: host.name,
    macs: options.macs ?? host.nics,
    firmware,
    disk: join(rack.folder, `${host.name}.qcow2`),
    logDirectory: join(rack.folder, host.name),
  });
  try {
    const report = await new InstallRun(rack, machine, options).finish();
    if (report.outcome === "reached") await options.afterwards?.(machine);
    return report;
  } finally {
    await machine.stop();
  }
}

class InstallRun {
  private readonly rack: InstallRack;
  private readonly machine: Machine;
  private readonly options: InstallOptions;
  private readonly progress = new ConsoleProgress();
  private readonly stages: StageTime[] = [];
  private readonly faults: FaultTime[] = [];
  private readonly started = performance.now();
  private lastSign = this.started;
  private lastStatus = "";
  private statusDue = 0;

  constructor(rack: InstallRack, machine: Machine, options: InstallOptions) {
    this.rack = rack;
    this.machine = machine;
    this.options = options;
  }

  async finish(): Promise<InstallReport> {
    const over = new AbortController();
    const ended = this.machine.exited.then(() => "ended" as const);
    const faults = this.runFaults(over.signal);
    const failure = faults.then(() => new Promise<never>(() => {}));
    const outcome = await Promise.race([this.readConsole(), this.watchTime(over.signal), ended, failure]).finally(() =>
      over.abort(),
    );
    await faults;
    return {
      outcome,
      stages: this.stages,
      faults: this.faults,
      seconds: this.seconds(),
      accel: this.machine.accel,
      status: await this.rack.status(this.options.host),
      screen: this.progress.screen(),
    };
  }

  private async readConsole(): Promise<"reached" | "ended"> {
    const goal = GOAL_STAGES[this.options.until];
    for await (const chunk of this.machine.console) {
      this.lastSign = performance.now();
      for (const reached of this.progress.feed(chunk)) {
        this.onStage(reached);
        if (reached.stage === goal) return "reached";
      }
    }
    return "ended";
  }

  private onStage(reached: StageReached): void {
    const stage = { ...reached, seconds: this.seconds() };
    this.stages.push(stage);
    this.options.onStage?.(stage);
  }

  private runFaults(over: AbortSignal): Promise<void> {
    const { faults = [], onFault } = this.options;
    const watch = {
      stages: () => this.stages,
      seconds: () => this.seconds(),
      received: () => this.machine.received(),
      onFault: (fault: FaultTime) => {
        this.faults.push(fault);
        onFault?.(fault);
      },
    };
    return runFaults(faults, watch, over);
  }

  /** Looks once a second; resolves with what went wrong, or when `orAfter` is fulfilled. */
  private async watchTime(over: AbortSignal): Promise<InstallReport["outcome"]> {
    while (!over.aborted) {
      await delay(LOOK_EVERY_MS);
      if (this.options.onReceived) this.options.onReceived(await this.machine.received());
      await this.lookAtStatus();
      if (this.isEnough()) return "reached";
      const trouble = this.trouble();
      if (trouble) return trouble;
    }
    return "cancelled";
  }

  private isEnough(): boolean {
    const { orAfter } = this.options;
    if (orAfter === undefined || this.seconds() < orAfter.seconds) return false;
    return this.stages.some(({ stage }) => MACHINE_STAGES.indexOf(stage) >= MACHINE_STAGES.indexOf(orAfter.stage));
  }

  private trouble(): InstallReport["outcome"] | undefined {
    const now = performance.now();
    const { signal, timeoutMs = 90 * 60_000, stallMs = 10 * 60_000 } = this.options;
    if (signal?.aborted) return "cancelled";
    if (now - this.lastSign > QUESTION_STANDS_MS && this.progress.question()) return "question";
    if (now - this.lastSign > stallMs) return "stalled";
    return now - this.started > timeoutMs ? "out-of-time" : undefined;
  }

  /** A daemon that is away answers nothing, which is no news. */
  private async lookAtStatus(): Promise<void> {
    if (performance.now() < this.statusDue) return;
    this.statusDue = performance.now() + STATUS_EVERY_MS;
    const status = await this.rack.status(this.options.host).catch(() => undefined);
    if (status === undefined) return;
    const text = JSON.stringify({ ...status, now: 0 });
    if (text === this.lastStatus) return;
    this.lastStatus = text;
    this.lastSign = performance.now();
    this.options.onStatus?.(status);
  }

  private seconds(): number {
    return Math.round((performance.now() - this.started) / 1000);
  }
}
