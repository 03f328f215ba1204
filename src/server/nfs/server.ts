/** Trees by NFS: nfs-ganesha is configured from the site's trees, asked every second, started anew when it is silent. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Cidr, formatCidr } from "../../base/address.ts";
import { sleep } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import { Counters } from "../counters.ts";
import type { Server } from "../server.ts";
import { type NfsExport, type NfsTree, nfsExports } from "./exports.ts";
import { ganeshaConfig } from "./ganesha-config.ts";
import { NfsService, type NfsServiceOptions } from "./service.ts";
import { changeBetween, presentExports, type Shown } from "./shown.ts";

/** What changes with the site file. */
export interface NfsShares {
  /** None = nothing is run. Those whose folder is not there yet come when it is. */
  readonly trees: readonly NfsTree[];
  /** Who may read; empty = everybody. */
  readonly clients: readonly Cidr[];
}

export interface NfsOptions extends Omit<NfsServiceOptions, "config" | "died"> {
  /** At this moment: what has changed is taken at the next look, within a second. */
  readonly shares: () => NfsShares;
  /** The site's name. */
  readonly site: string;
  /** This server's name in the site file. */
  readonly server: string;
  /** Absolute path of a folder for its files, made here. */
  readonly folder: string;
  /** Folder of ganesha's modules, where that is not what it was built with. */
  readonly plugins?: string;
}

/**
 * `start` rejects with EverbootError `tool-missing`, `port-in-use`, or `usage` as `nfsExports` does. Counters: `ended`
 * (a program, by itself), `reload`, `restart` (by us), `unanswered` (looks without an answer), `trouble` (looks at which
 * the site file's trees could not be served; the log says why).
 */
export interface NfsServer extends Server {
  /** Rejects when it does not answer before the signal; resolves at once where nothing is to be served. */
  answers(signal: AbortSignal): Promise<void>;
}

export function createNfsServer(options: NfsOptions): NfsServer {
  return new Nfs(options);
}

const LOOK_MS = 1000;
/** So many looks in a row without an answer: a busy disk makes it slow, and to kill it then would not help. */
const SILENT_LOOKS = 8;

class Nfs implements NfsServer {
  readonly name = "nfs";
  private readonly options: NfsOptions;
  private readonly log: Log;
  private readonly counts = new Counters();
  private readonly stopped = new AbortController();
  private readonly config: string;
  private shown: Shown = { frame: "", exports: new Map() };
  private service: NfsService | undefined;
  private silent = 0;
  private trouble = "";
  private watching: Promise<void> = Promise.resolve();

  constructor(options: NfsOptions) {
    this.options = options;
    this.log = options.log.child({ server: this.name });
    this.config = join(options.folder, "ganesha.conf");
  }

  async start(): Promise<void> {
    const { folder } = this.options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // Clients get their state anew: nobody reads what was noted of those that were there before.
    await rm(this.recovery, { recursive: true, force: true });
    await this.settle();
    this.watching = this.watch();
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    await this.watching;
    await this.end();
  }

  counters(): Readonly<Record<string, number>> {
    return this.counts.snapshot();
  }

  async answers(signal: AbortSignal): Promise<void> {
    await this.service?.answers(signal);
  }

  private async watch(): Promise<void> {
    const { signal } = this.stopped;
    while (!signal.aborted) {
      await sleep(this.options.clock, LOOK_MS, signal).catch(() => undefined);
      if (!signal.aborted) await this.look();
    }
  }

  private async look(): Promise<void> {
    try {
      await this.settle();
      await this.service?.mapPorts();
      this.trouble = "";
    } catch (error) {
      this.counts.add("trouble");
      if (String(error) !== this.trouble) this.log.error({ error }, "trees cannot be served by NFS");
      this.trouble = String(error);
    }
    if (this.service) await this.listen(this.service);
  }

  private async listen(service: NfsService): Promise<void> {
    if (await service.isWell()) {
      this.silent = 0;
      return;
    }
    this.counts.add("unanswered");
    this.silent++;
    if (this.silent < SILENT_LOOKS) return;
    this.silent = 0;
    this.counts.add("restart");
    this.log.error({ looks: SILENT_LOOKS }, "ganesha does not answer: it is started anew");
    service.kill();
  }

  /** Makes ganesha serve what the site file says and is there. */
  private async settle(): Promise<void> {
    const { trees, clients } = this.options.shares();
    const exports = await presentExports(nfsExports(trees));
    const frame = [this.configOf([], clients), ...clients.map(formatCidr)].join("\n");
    const shown = { frame, exports: new Map(exports.map(({ id, about }) => [id, about])) };
    const change = changeBetween(this.shown, shown);
    if (change === "none") return;
    if (exports.length === 0) await this.end();
    else {
      await writeFile(this.config, this.configOf(exports, clients), { mode: 0o600 });
      if (this.service) await this.change(this.service, change);
      else await this.begin();
    }
    this.shown = shown;
  }

  private async change(service: NfsService, change: "reload" | "restart"): Promise<void> {
    this.counts.add(change);
    if (change === "reload") service.reload();
    else await service.restart();
  }

  private async begin(): Promise<void> {
    const died = () => this.counts.add("ended");
    const service = new NfsService({ ...this.options, config: this.config, log: this.log, died });
    this.service = service;
    try {
      if (!(await service.start())) this.log.error({}, "ganesha does not answer yet");
    } catch (error) {
      await this.end();
      throw error;
    }
  }

  private async end(): Promise<void> {
    await this.service?.stop();
    this.service = undefined;
  }

  private get recovery(): string {
    return join(this.options.folder, "clients");
  }

  private configOf(exports: readonly NfsExport[], clients: readonly Cidr[]): string {
    const { versions, site, server, plugins } = this.options;
    return ganeshaConfig({
      ...{ exports, versions, clients, site, server, recovery: this.recovery },
      ...(plugins !== undefined && { plugins }),
    });
  }
}
