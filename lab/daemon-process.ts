/** The daemon as a process in a namespace: started, killed and started again as often as a test likes. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { EverbootError } from "../src/base/errors.ts";
import type { Namespace } from "./netns.ts";

/** The command line's program beside this file: TypeScript in a clone, JavaScript in the npm package. */
export const EVERBOOT = resolve(import.meta.dirname, `../src/cli/main${extname(import.meta.filename)}`);
/** Sockets listen within a second or two; the rest is for a busy computer. */
const READY_WITHIN_MS = 60_000;

export interface DaemonOptions {
  readonly space: Namespace;
  readonly siteFile: string;
  /** State folder, at most 90 bytes long: it holds the control socket. */
  readonly state: string;
  /** Folder for `daemon.log`, which all starts add to. */
  readonly logDirectory: string;
  /** A program, and its words, that runs the daemon; and its environment. */
  readonly within?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export class DaemonProcess {
  private readonly options: DaemonOptions;
  private child: ChildProcess | undefined;

  constructor(options: DaemonOptions) {
    this.options = options;
  }

  get running(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Of the one that runs, or ran last. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Resolves when all its sockets listen; rejects with `lab-broken` and the last line of its log. */
  async start(): Promise<void> {
    const { space, siteFile, state, within = [], env } = this.options;
    const log = openSync(this.logFile, "a");
    const [program = "", ...args] = [...within, process.execPath, EVERBOOT, "up", "-c", siteFile, "--state", state];
    const child = space.spawn(program, args, { stdio: ["ignore", "pipe", log], ...(env && { env }) });
    closeSync(log);
    this.child = child;
    if (await readyOrEnded(child)) return;
    await this.end("SIGKILL");
    const last = readFileSync(this.logFile, "utf8").trimEnd().split("\n").at(-1) ?? "";
    throw new EverbootError("lab-broken", { reason: `the daemon did not come up: ${last}` });
  }

  /** As an operator stops it: SIGTERM. Resolves when it has ended. */
  async stop(): Promise<void> {
    await this.end("SIGTERM");
  }

  /** As a power failure stops it: SIGKILL. Resolves when it has ended. */
  async kill(): Promise<void> {
    await this.end("SIGKILL");
  }

  private get logFile(): string {
    return join(this.options.logDirectory, "daemon.log");
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.child;
    if (!child || !this.running) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }
}

/** Whether a line that starts with `ready` came, before the process ended or its time was over. */
function readyOrEnded(child: ChildProcess): Promise<boolean> {
  return new Promise((done) => {
    const timer = setTimeout(() => done(false), READY_WITHIN_MS);
    const finish = (ready: boolean) => {
      clearTimeout(timer);
      done(ready);
    };
    child.once("error", () => finish(false)).once("exit", () => finish(false));
    if (!child.stdout) return finish(false);
    createInterface({ input: child.stdout }).on("line", (line) => line.startsWith("ready") && finish(true));
  });
}
