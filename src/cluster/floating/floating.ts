/** This server's part in the floating addresses, as the daemon sees it: signs of life go out, changes come in. */
import { type ChildProcess, fork } from "node:child_process";
import { chmodSync, mkdirSync } from "node:fs";
import { extname, resolve } from "node:path";
import { cidrContains, type Ipv4 } from "../../base/address.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import { EverbootError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { LocalInterface } from "../../net/interfaces.ts";
import { findProgram } from "../../net/programs.ts";
import type { Server, Site } from "../../site/model.ts";
import type { Witness } from "./advice.ts";
import type { Fitness } from "./fitness.ts";
import type { PeerView } from "./heartbeats.ts";
import { HomeGoing } from "./home-going.ts";
import { floatingAddresses, type HeirOrder, keepalivedConfig, nextByName, type Place } from "./keepalived-config.ts";
import type { FloatingEvent, FloatingState } from "./notify-fifo.ts";
import {
  BEAT_MS,
  type FromSupervisor,
  type SupervisionPlan,
  supervisionFiles,
  type ToSupervisor,
} from "./supervision.ts";

export interface FloatingOptions {
  readonly site: Site;
  readonly server: Server;
  /** For its files; made with 0700. */
  readonly folder: string;
  /** Secret that all servers of the site share: heartbeats are signed with it. */
  readonly key: Uint8Array;
  readonly clock: Clock;
  readonly log: Log;
  readonly interfaces: readonly LocalInterface[];
  readonly heirs?: HeirOrder;
  /** Path of keepalived; absent = looked for in `searchPath` (as PATH has it), then where distributions put it. */
  readonly program?: string;
  readonly searchPath?: string;
  /** Milliseconds of silence after which the daemon counts as frozen. */
  readonly frozenAfterMs?: number;
  /** Milliseconds that an owner must have been well before its heir gives the address back. */
  readonly settledMs?: number;
  /** Does the daemon serve all its clients? Asked for every sign of life; keep it cheap. */
  readonly isWell: () => boolean;
  /** One that is not well: does it not even answer? It then leaves its addresses to one that answers. */
  readonly isDeaf?: () => boolean;
  /** May this address leave without breaking a transfer? */
  readonly isIdle: (address: Ipv4) => boolean;
  /** An address came or went. */
  readonly changed: (event: FloatingEvent) => void;
  /** Something else is seen of the peers or of the LAN: `peers`, `heard` or `witness` is new. */
  readonly seen?: () => void;
}

/**
 * A freeze is known after this and the address is back some 50 ms later. Not shorter: garbage collection, a commit to a
 * slow disk and a full CPU stop a healthy daemon for up to 160 ms, each, and may meet.
 */
const FROZEN_AFTER_MS = 500;
const SETTLED_MS = 10_000;
const HOME_CHECK_MS = 1000;
/** An owner takes its address within one advert; it is not waited for much longer. */
const HANDING_MS = 500;
const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5000;

export class Floating {
  private readonly options: FloatingOptions;
  private readonly plan: SupervisionPlan;
  private readonly home: HomeGoing;
  private readonly current = new Map<Ipv4, FloatingState>();
  private readonly waiting = new Set<() => void>();
  private readonly drained = new Set<Ipv4>();
  /** On their way to their owners. */
  private readonly handing = new Set<Ipv4>();
  private views: readonly PeerView[] = [];
  private seenWitness: Witness = "unknown";
  /** Does a supervisor run that has told what it sees? */
  private listens: boolean = false;
  private child: ChildProcess | undefined;
  private timers: Timer[] = [];
  private backoffMs = FIRST_BACKOFF_MS;
  private ending: boolean = false;

  private constructor(options: FloatingOptions, plan: SupervisionPlan) {
    this.options = options;
    this.plan = plan;
    this.home = new HomeGoing(plan.server, plan.addresses, options.settledMs ?? SETTLED_MS);
    for (const { address } of plan.addresses) this.current.set(address, "fault");
  }

  /**
   * Resolves when keepalived runs. Rejects with EverbootError `tool-missing`, or `floating-failed` when the supervisor
   * cannot start it.
   */
  static async start(options: FloatingOptions): Promise<Floating> {
    mkdirSync(options.folder, { recursive: true });
    chmodSync(options.folder, 0o700);
    const floating = new Floating(options, planOf(options));
    await floating.launch();
    floating.every(BEAT_MS, () => floating.tell({ kind: "beat", fitness: floating.fitness() }));
    floating.every(HOME_CHECK_MS, () => floating.sendHome());
    return floating;
  }

  /** Of every address that this server may hold. */
  get states(): ReadonlyMap<Ipv4, FloatingState> {
    return this.current;
  }

  get peers(): readonly PeerView[] {
    return this.views;
  }

  /** Was a peer or the router heard on this server's LAN in the last half second? `unknown`: nobody to ask. */
  get witness(): Witness {
    return this.seenWitness;
  }

  /** Is this peer heard on any link? `unknown` while nobody listens here. */
  heard(peer: string): "yes" | "no" | "unknown" {
    const view = this.views.find(({ name }) => name === peer);
    if (!this.listens || !view) return "unknown";
    return view.heard === "nowhere" ? "no" : "yes";
  }

  /** Lets an address go, and keeps off it until `allow`: for a server that is to be taken out of service. */
  drain(address: Ipv4): void {
    this.drained.add(address);
    this.tell({ kind: "release", address, released: true });
  }

  allow(address: Ipv4): void {
    this.drained.delete(address);
    this.tell({ kind: "release", address, released: false });
  }

  /** First step of the way down: resolves when no address is held here. Close the listeners then. */
  async leave(): Promise<void> {
    this.ending = true;
    this.tell({ kind: "leave" });
    await this.untilNoneHeld();
  }

  /** Last step of the way down: resolves when keepalived has ended. */
  async stop(): Promise<void> {
    this.ending = true;
    for (const timer of this.timers.splice(0)) timer.cancel();
    const child = this.child;
    if (!child) return;
    const ended = new Promise<void>((done) => child.once("close", () => done()));
    this.tell({ kind: "stop" });
    await ended;
  }

  private launch(): Promise<void> {
    const program = resolve(import.meta.dirname, `supervisor${extname(import.meta.filename)}`);
    const child = fork(program, [], {
      execArgv: [],
      serialization: "advanced",
      // A session of its own: its priority counts among all of the machine's then (`hurry` there), and Ctrl-C is not for it.
      detached: true,
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.child = child;
    // Losing the channel is told by `close`.
    child.on("error", (error) => this.options.log.error({ cause: String(error) }, "supervisor of floating addresses"));
    this.tell({ kind: "plan", plan: this.plan });
    return new Promise((done, refuse) => {
      let reason = "its supervisor ended";
      child.on("message", (message: FromSupervisor) => {
        if (message.kind === "failed") reason = message.reason;
        else if (message.kind === "started") done();
        else this.hear(message);
      });
      child.once("close", () => {
        refuse(new EverbootError("floating-failed", { reason }));
        this.supervisorEnded();
      });
    });
  }

  private hear(message: Exclude<FromSupervisor, { kind: "started" | "failed" }>): void {
    if (message.kind === "log") this.options.log.debug({ line: message.line }, "keepalived");
    else if (message.kind === "trouble") this.options.log.warn({ reason: message.reason }, "floating addresses");
    else if (message.kind === "state") this.change(message.event);
    else this.see(message.witness, message.peers);
  }

  private see(witness: Witness, peers: readonly PeerView[]): void {
    this.listens = true;
    this.seenWitness = witness;
    this.views = peers;
    this.home.hear(peers, this.options.clock.now());
    const held = new Set(peers.flatMap(({ holds }) => holds));
    for (const address of this.handing) if (held.has(address)) this.handedOver(address);
    this.options.seen?.();
  }

  private fitness(): Fitness {
    const { isWell, isDeaf } = this.options;
    if (isWell()) return "well";
    return isDeaf?.() ? "deaf" : "weak";
  }

  private change(event: FloatingEvent): void {
    if (this.current.get(event.address) === event.state) return;
    this.current.set(event.address, event.state);
    this.options.changed(event);
    for (const check of this.waiting) check();
  }

  /** keepalived ended with it, and has taken its addresses away. */
  private supervisorEnded(): void {
    this.child = undefined;
    this.listens = false;
    this.seenWitness = "unknown";
    for (const address of this.current.keys()) this.change({ address, state: "fault" });
    this.options.seen?.();
    if (this.ending || this.timers.length === 0) return;
    this.options.log.error({ againInMs: this.backoffMs }, "the supervisor of the floating addresses has ended");
    this.after(this.backoffMs, () => this.relaunch());
    this.backoffMs = Math.min(this.backoffMs * 2, LONGEST_BACKOFF_MS);
  }

  /** A failure is logged by what follows it: the supervisor ends, and is launched again. */
  private relaunch(): void {
    this.launch()
      .then(() => {
        this.backoffMs = FIRST_BACKOFF_MS;
        for (const address of this.drained) this.drain(address);
      })
      .catch((error: unknown) => this.options.log.error({ cause: String(error) }, "floating addresses"));
  }

  private sendHome(): void {
    for (const address of this.home.leaving(this.current, this.options.clock.now())) {
      if (this.drained.has(address) || !this.options.isIdle(address)) continue;
      this.options.log.info({ address }, "giving a floating address back to its owner");
      this.handing.add(address);
      this.tell({ kind: "release", address, released: true });
      this.after(HANDING_MS, () => this.handedOver(address));
    }
  }

  /** Its owner has it, or does not come for it: this server is its heir again, unless it is drained by now. */
  private handedOver(address: Ipv4): void {
    if (this.handing.delete(address) && !this.drained.has(address)) this.allow(address);
  }

  private untilNoneHeld(): Promise<void> {
    return new Promise((done) => {
      const check = () => {
        if ([...this.current.values()].includes("master")) return;
        this.waiting.delete(check);
        done();
      };
      this.waiting.add(check);
      check();
    });
  }

  private tell(message: ToSupervisor): void {
    if (this.child?.connected) this.child.send(message, () => undefined);
  }

  private every(ms: number, task: () => void): void {
    this.after(ms, () => {
      task();
      this.every(ms, task);
    });
  }

  private after(ms: number, task: () => void): void {
    const timer = this.options.clock.after(ms, () => {
      this.timers.splice(this.timers.indexOf(timer), 1);
      task();
    });
    this.timers.push(timer);
  }
}

function planOf(options: FloatingOptions): SupervisionPlan {
  const {
    site,
    server,
    folder,
    key,
    interfaces,
    program,
    searchPath = "",
    frozenAfterMs = FROZEN_AFTER_MS,
    heirs = nextByName,
  } = options;
  const place = (address: Ipv4) => placeOn(interfaces, server, address);
  const addresses = floatingAddresses(site, heirs)
    .filter(({ address, holders }) => holders.includes(server) && place(address))
    .map(({ address, holders }) => ({ address, holders: holders.map(({ name }) => name) }));
  const others = [...site.servers.values()].filter((other) => other !== server);
  const router = site.subnets.find(({ cidr }) => cidrContains(cidr, server.address))?.router;
  const device = placeOn(interfaces, server, server.address)?.device;
  const devices = addresses.flatMap(({ address }) => place(address)?.device ?? []);
  return {
    ...{ server: server.name, addresses, ports: [server.httpPort], folder, key, frozenAfterMs },
    devices: [...new Set(devices)],
    peers: others.map(({ name, address, links }) => ({ name, lan: address, links })),
    ...(router && device ? { router: { address: router, device } } : {}),
    ...(server.serial === undefined ? {} : { serial: server.serial }),
    program: program ?? findProgram("keepalived", searchPath, { purpose: "floating addresses", package: "keepalived" }),
    config: keepalivedConfig({ site, server, place, heirs, steering: supervisionFiles(folder) }),
  };
}

/** The interface that has an address in the same network, of those that the server may use. */
function placeOn(interfaces: readonly LocalInterface[], server: Server, address: Ipv4): Place | undefined {
  const usable = interfaces.filter(({ name }) => server.interfaces.length === 0 || server.interfaces.includes(name));
  const found = usable.find(({ cidr }) => cidr.prefix < 32 && cidrContains(cidr, address));
  return found && { device: found.name, prefix: found.cidr.prefix };
}
