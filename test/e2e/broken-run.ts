/** One install that is broken on purpose, watched until the server says how it ended and why. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parse, stringify } from "yaml";
import { openRack, type Rack, type TreeSource } from "../../lab/rack.ts";
import type { RackHost } from "../../lab/rack-site.ts";
import type { HostState, HostStatus } from "../../src/cluster/status.ts";

/** A rack's site file, as far as cases change it. */
export interface RackYaml {
  readonly subnets: [{ dns?: string[] }];
  readonly profiles: { readonly small: Record<string, unknown> & { readonly kernel_arguments: string[] } };
  readonly hosts: Record<string, Record<string, unknown>>;
}

export interface BrokenCase {
  readonly name: string;
  /** Ids of causes (src/cluster/causes.ts), each of which names what was broken. */
  readonly causes: readonly string[];
  /** How it may end. */
  readonly ends: readonly HostState[];
  readonly needsMachine: boolean;
  /** In place of a tree that can be installed from. */
  readonly tree?: TreeSource;
  readonly host?: Partial<RackHost>;
  readonly site?: (site: RackYaml, rack: Rack) => void | Promise<void>;
  /** Minutes for which the permit is valid. */
  readonly permit?: number;
  /** Before the permit is issued, and after; what they resolve with undoes it. */
  readonly prepare?: (rack: Rack) => Promise<Undo>;
  readonly breaks?: (rack: Rack) => Promise<Undo>;
  /** Switches the machine on; it is switched off at the end. */
  readonly switchOn: (rack: Rack) => Promise<Client>;
  /** Once, when the status is so. */
  readonly strike?: {
    readonly when: (status: HostStatus) => boolean;
    readonly act: (rack: Rack, client: Client) => Promise<void>;
  };
  /** After so many it is given up. */
  readonly minutes: number;
}

export type Undo = () => Promise<void>;

export interface Client {
  stop(): Promise<void>;
}

export interface BrokenResult {
  readonly case: string;
  readonly isRight: boolean;
  readonly state: HostState | "unknown";
  readonly cause?: string;
  readonly evidence?: string;
  /** From switching on to the end being told. */
  readonly seconds: number;
  /** From switching on to the last deadline that was told. */
  readonly deadline?: number;
}

export const BROKEN_HOST: RackHost = { name: "vm2", nics: ["52:54:00:00:00:03"], address: "192.168.77.102" };
const RESULTS = resolve(import.meta.dirname, "../../.cache/broken/results.jsonl");
const ENDS: ReadonlySet<HostState> = new Set(["failed", "stalled", "expired", "differs", "verified"]);
const LOOK_EVERY_MS = 2000;
/** A look, and a busy computer. */
const LATE_MS = 15_000;

/** Those of earlier runs, the newest of each case. */
export function knownResults(): ReadonlyMap<string, BrokenResult> {
  const lines = existsSync(RESULTS) ? readFileSync(RESULTS, "utf8").split("\n") : [];
  const results = lines.filter((line) => line !== "").map((line) => JSON.parse(line) as BrokenResult);
  return new Map(results.map((result) => [result.case, result]));
}

/** Adds it to the results. */
export async function runBroken(broken: BrokenCase): Promise<BrokenResult> {
  const hosts: readonly RackHost[] = [{ ...BROKEN_HOST, ...broken.host }];
  const rack = await openRack({ name: broken.name.slice(0, 4), hosts, ...(broken.tree && { tree: broken.tree }) });
  const undo: Undo[] = [() => rack.close()];
  try {
    const result = await new BrokenRun(broken, rack, undo).finish();
    mkdirSync(dirname(RESULTS), { recursive: true });
    appendFileSync(RESULTS, `${JSON.stringify(result)}\n`);
    return result;
  } finally {
    for (const step of undo.reverse()) await step();
  }
}

class BrokenRun {
  private readonly broken: BrokenCase;
  private readonly rack: Rack;
  private readonly undo: Undo[];

  constructor(broken: BrokenCase, rack: Rack, undo: Undo[]) {
    this.broken = broken;
    this.rack = rack;
    this.undo = undo;
  }

  async finish(): Promise<BrokenResult> {
    const { broken, rack, undo } = this;
    await this.changeSite();
    if (broken.prepare) undo.push(await broken.prepare(rack));
    const minutes = broken.permit === undefined ? [] : ["--minutes", String(broken.permit)];
    await this.everboot("install", BROKEN_HOST.name, ...minutes);
    if (broken.breaks) undo.push(await broken.breaks(rack));
    const client = await broken.switchOn(rack);
    undo.push(() => client.stop());
    return this.watch(client);
  }

  private async changeSite(): Promise<void> {
    const { broken, rack } = this;
    if (!broken.site) return;
    const site = parse(readFileSync(rack.siteFile, "utf8")) as RackYaml;
    await broken.site(site, rack);
    writeFileSync(rack.siteFile, stringify(site));
    await this.everboot("apply", "-c", rack.siteFile, "--yes");
  }

  private async everboot(...args: string[]): Promise<void> {
    const { code, stderr } = await this.rack.everboot(...args, "--state", this.rack.state);
    if (code !== 0) throw new Error(`everboot ${args[0]}: ${stderr}`);
  }

  private async watch(client: Client): Promise<BrokenResult> {
    const { strike, minutes } = this.broken;
    const started = Date.now();
    const over = started + minutes * 60_000;
    let isStruck = strike === undefined;
    let deadline: number | undefined;
    while (Date.now() < over) {
      const status = await this.rack.status(BROKEN_HOST.name).catch(() => undefined);
      deadline = status?.deadline ?? deadline;
      if (status && ENDS.has(status.state)) return this.judge(status, started, deadline);
      if (status && !isStruck && strike?.when(status)) {
        isStruck = true;
        await strike.act(this.rack, client);
      }
      await delay(LOOK_EVERY_MS);
    }
    const status = await this.rack.status(BROKEN_HOST.name).catch(() => undefined);
    return this.judge(status, started, deadline);
  }

  private judge(status: HostStatus | undefined, started: number, deadline: number | undefined): BrokenResult {
    const { name, causes, ends } = this.broken;
    const { state = "unknown", cause } = status ?? {};
    const isInTime = deadline === undefined || Date.now() <= deadline + LATE_MS;
    const isNamed = cause !== undefined && causes.includes(cause.id);
    return {
      case: name,
      isRight: isInTime && isNamed && state !== "unknown" && ends.includes(state),
      state,
      ...(cause && { cause: cause.id, evidence: cause.evidence }),
      seconds: Math.round((Date.now() - started) / 1000),
      ...(deadline !== undefined && { deadline: Math.round((deadline - started) / 1000) }),
    };
  }
}
