/** One unattended installation of a virtual machine, watched to its end, with the server killed on the way if wanted. */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { HostStatus } from "../src/cluster/trace.ts";
import { type Machine, type MachineOptions, startMachine } from "./machine.ts";
import { ConsoleProgress, type MachineStage, type StageReached } from "./progress.ts";
import type { Rack } from "./rack.ts";

/** `installer`: its kernel runs; `packages`: the base system begins to arrive. */
export type InstallGoal = "installer" | "packages" | "installed" | "booted-from-disk";

/** The stage of the machine that shows that a goal is reached. */
const GOAL_STAGES: Readonly<Record<InstallGoal, MachineStage>> = {
  installer: "kernel",
  packages: "base",
  installed: "rebooting",
  "booted-from-disk": "installed",
};

/** Kill the daemon (SIGKILL) when the machine reaches a stage, or so many seconds after its start. */
export interface DaemonKill {
  readonly at: MachineStage | number;
  /** Milliseconds until it is started again. */
  readonly awayMs: number;
}

export interface InstallOptions extends Partial<Pick<MachineOptions, "firmware" | "rom" | "httpBoot" | "plainPxe">> {
  /** Name of a host of the rack. */
  readonly host: string;
  readonly until: InstallGoal;
  readonly kills?: readonly DaemonKill[];
  readonly onStage?: (stage: StageTime) => void;
  readonly onKill?: (kill: KillTime) => void;
  /** Gets what `everboot status HOST --json` says, whenever that has changed. */
  readonly onStatus?: (status: HostStatus) => void;
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

export interface KillTime {
  readonly seconds: number;
  /** The machine's stage at that moment. */
  readonly stage: MachineStage | undefined;
  readonly awayMs: number;
}

export interface InstallReport {
  /** `question`: the installer waits for an answer that nobody gives. */
  readonly outcome: "reached" | "question" | "stalled" | "ended" | "out-of-time" | "cancelled";
  readonly stages: readonly StageTime[];
  readonly kills: readonly KillTime[];
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
export async function runInstall(rack: Rack, options: InstallOptions): Promise<InstallReport> {
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
  private readonly rack: Rack;
  private readonly machine: Machine;
  private readonly options: InstallOptions;
  private readonly progress = new ConsoleProgress();
  private readonly stages: StageTime[] = [];
  private readonly kills: KillTime[] = [];
  private readonly due: DaemonKill[];
  private readonly started = performance.now();
  private lastSign = this.started;
  private lastStatus = "";
  private statusDue = 0;
  private killing: Promise<void> = Promise.resolve();
  /** Why the daemon did not come back. */
  private failure: unknown;

  constructor(rack: Rack, machine: Machine, options: InstallOptions) {
    this.rack = rack;
    this.machine = machine;
    this.options = options;
    this.due = [...(options.kills ?? [])];
  }

  async finish(): Promise<InstallReport> {
    const over = new AbortController();
    const ended = this.machine.exited.then(() => "ended" as const);
    const outcome = await Promise.race([this.readConsole(), this.watchTime(over.signal), ended]);
    over.abort();
    await this.killing;
    return {
      outcome,
      stages: this.stages,
      kills: this.kills,
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
    this.killWhen(({ at }) => at === reached.stage);
  }

  /** Looks once a second; resolves with what went wrong. */
  private async watchTime(over: AbortSignal): Promise<InstallReport["outcome"]> {
    while (!over.aborted) {
      await delay(LOOK_EVERY_MS);
      if (this.failure !== undefined) throw this.failure;
      this.killWhen(({ at }) => typeof at === "number" && this.seconds() >= at);
      await this.lookAtStatus();
      const trouble = this.trouble();
      if (trouble) return trouble;
    }
    return "cancelled";
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

  /** Kills come one after the other: one that falls due while the daemon is away waits for its return. */
  private killWhen(isDue: (kill: DaemonKill) => boolean): void {
    for (const kill of this.due.filter(isDue)) {
      this.due.splice(this.due.indexOf(kill), 1);
      this.killing = this.killing
        .then(() => this.kill(kill))
        .catch((error: unknown) => {
          this.failure = error;
        });
    }
  }

  private async kill({ awayMs }: DaemonKill): Promise<void> {
    const record = { seconds: this.seconds(), stage: this.stages.at(-1)?.stage, awayMs };
    this.kills.push(record);
    this.options.onKill?.(record);
    await this.rack.daemon.kill();
    await delay(awayMs);
    await this.rack.daemon.start();
  }

  private seconds(): number {
    return Math.round((performance.now() - this.started) / 1000);
  }
}
