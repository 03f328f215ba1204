/** nfs-ganesha as a child, and rpcbind beside it where version 3 needs one and the machine runs none. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Clock, sleep } from "../../base/clock.ts";
import { EverbootError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { findProgram } from "../../net/programs.ts";
import { type AskRpc, askRpc } from "./ask.ts";
import { ChildProgram } from "./child-program.ts";
import { NFS_PORT, type NfsVersion } from "./ganesha-config.ts";
import { NFS3_PORT_QUERY, nfsNull, PORT_MAPPER_NULL } from "./rpc-message.ts";

export interface NfsServiceOptions {
  /** Absolute path of a folder that is there; process ids are kept in it. */
  readonly folder: string;
  /** ganesha's configuration. */
  readonly config: string;
  readonly versions: readonly NfsVersion[];
  /** Where system programs are looked for: as PATH has it. */
  readonly searchPath: string;
  readonly clock: Clock;
  readonly log: Log;
  /** One of the two has ended by itself, and will be started again. */
  readonly died: () => void;
  /** Default: over the loopback device. */
  readonly ask?: AskRpc;
}

export const PORT_MAPPER = 111;
const ANSWER_WITHIN_MS = 2000;
/** It starts in half a second. */
const STARTED_WITHIN_MS = 10_000;
const START_LOOK_MS = 50;
const GANESHA = {
  program: "ganesha.nfsd",
  purpose: "trees by NFS",
  package: "nfs-ganesha and nfs-ganesha-vfs",
} as const;
const RPCBIND = { program: "rpcbind", purpose: "NFS version 3", package: "rpcbind" } as const;
/** All that is run, with the packages of Debian that bring them. */
export const NFS_PROGRAMS = [
  GANESHA,
  RPCBIND,
  { program: "setpriv", purpose: "trees by NFS", package: "util-linux" },
] as const;

export class NfsService {
  private readonly options: NfsServiceOptions;
  private readonly ask: AskRpc;
  private readonly ended = new AbortController();
  private ganesha: ChildProgram | undefined;
  private rpcbind: ChildProgram | undefined;

  constructor(options: NfsServiceOptions) {
    this.options = options;
    this.ask = options.ask ?? askRpc;
  }

  /**
   * Resolves with whether it answers, after ten seconds at most. Rejects with EverbootError `tool-missing`, or
   * `port-in-use` where another server has the port.
   */
  async start(): Promise<boolean> {
    const ganesha = this.createGanesha();
    await ganesha.endRemains();
    if (await this.hasOtherServer()) {
      throw new EverbootError("port-in-use", { protocol: "NFS", port: NFS_PORT, where: "this machine" });
    }
    await this.mapPorts();
    if (this.ended.signal.aborted) return false;
    this.ganesha = ganesha;
    ganesha.start();
    return this.until(() => this.isWell());
  }

  /** The configuration's exports are read anew; clients of those that stay notice nothing. */
  reload(): void {
    this.ganesha?.signal("SIGHUP");
  }

  async restart(): Promise<void> {
    await this.ganesha?.stop();
    this.ganesha?.start();
  }

  /** For one that takes no orders: it is started again when it has ended. */
  kill(): void {
    this.ganesha?.signal("SIGKILL");
  }

  /** Resolves when all has ended, for good. */
  async stop(): Promise<void> {
    this.ended.abort();
    await this.ganesha?.stop();
    await this.rpcbind?.stop();
  }

  /** Does it answer within two seconds, and would a client of version 3 find it? */
  isWell(): Promise<boolean> {
    return this.answersTo((signal) => this.answers(signal));
  }

  /** Rejects when it does not answer before the signal. */
  async answers(signal: AbortSignal): Promise<void> {
    const { versions } = this.options;
    await Promise.all(versions.map((version) => this.ask(NFS_PORT, nfsNull(version), signal)));
    if (!versions.includes(3)) return;
    const [port] = await this.ask(PORT_MAPPER, NFS3_PORT_QUERY, signal);
    if (port !== NFS_PORT) throw new Error("the port mapper does not know of NFS 3");
  }

  /** Version 3 needs a port mapper: the machine's own, else one that runs as long as we do. */
  async mapPorts(): Promise<void> {
    if (!this.options.versions.includes(3) || this.rpcbind) return;
    // One of a daemon that was killed is left: it changes its user, and with that forgets whose end was to be its own.
    if (existsSync(this.rpcbindPid)) await this.createRpcbind().endRemains();
    if (await this.hasPortMapper()) return;
    this.rpcbind = this.createRpcbind();
    this.rpcbind.start();
    await this.until(() => this.hasPortMapper());
  }

  private hasOtherServer(): Promise<boolean> {
    const asked = (signal: AbortSignal) =>
      ([3, 4] as const).map((version) => this.ask(NFS_PORT, nfsNull(version), signal));
    return this.answersTo((signal) => Promise.any(asked(signal)));
  }

  private hasPortMapper(): Promise<boolean> {
    return this.answersTo((signal) => this.ask(PORT_MAPPER, PORT_MAPPER_NULL, signal));
  }

  /** Resolves with whether it came true in time. */
  private async until(isTrue: () => Promise<boolean>): Promise<boolean> {
    const { signal } = this.ended;
    for (let waited = 0; waited < STARTED_WITHIN_MS && !signal.aborted; waited += START_LOOK_MS) {
      if (await isTrue()) return true;
      await sleep(this.options.clock, START_LOOK_MS, signal).catch(() => undefined);
    }
    return false;
  }

  private async answersTo(call: (signal: AbortSignal) => Promise<unknown>): Promise<boolean> {
    const late = new AbortController();
    const timer = this.options.clock.after(ANSWER_WITHIN_MS, () => late.abort());
    try {
      await call(AbortSignal.any([late.signal, this.ended.signal]));
      return true;
    } catch {
      return false;
    } finally {
      timer.cancel();
    }
  }

  private createGanesha(): ChildProgram {
    const { folder, config, searchPath } = this.options;
    const pidFile = join(folder, "ganesha.pid");
    // It writes its id there itself, too, and does not start without such a file.
    const args = ["-F", "-f", config, "-p", pidFile, "-L", "STDOUT", "-N", "EVENT"];
    const program = findProgram(GANESHA.program, searchPath, GANESHA);
    return new ChildProgram({ ...this.options, name: "ganesha", program, args, pidFile });
  }

  private get rpcbindPid(): string {
    return join(this.options.folder, "rpcbind.pid");
  }

  private createRpcbind(): ChildProgram {
    const program = findProgram(RPCBIND.program, this.options.searchPath, RPCBIND);
    return new ChildProgram({ ...this.options, name: "rpcbind", program, args: ["-f"], pidFile: this.rpcbindPid });
  }
}
