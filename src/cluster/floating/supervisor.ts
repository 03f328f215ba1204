/**
 * The program that watches a daemon, and moves its floating addresses away when it dies or freezes: a process of its
 * own, for a stopped process cannot stop itself. The daemon forks it (floating.ts) and sends it a plan. keepalived and
 * the heartbeats live here, where no work of the daemon delays them.
 */
import { writeFileSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { setTimeout } from "node:timers/promises";
import type { Ipv4 } from "../../base/address.ts";
import { steadyClock } from "../../base/clock.ts";
import { EverbootError } from "../../base/errors.ts";
import { openDatagramSocket } from "../../net/datagram.ts";
import { openSerialLine, type SerialLine } from "../../net/serial.ts";
import { servedConnections } from "../../net/tcp-connections.ts";
import type { Witness } from "./advice.ts";
import { ArpEars } from "./arp-ears.ts";
import type { Fitness } from "./fitness.ts";
import { HEARTBEAT_MS, Heartbeats, type PeerView, WITNESS_MS } from "./heartbeats.ts";
import { Keepalived } from "./keepalived.ts";
import { LastWords } from "./last-words.ts";
import { type FloatingEvent, readNotifyFifo } from "./notify-fifo.ts";
import { RouterProbe } from "./router-probe.ts";
import { lookAtThread, Starvation } from "./starvation.ts";
import { LASTING_MS, Steering } from "./steering.ts";
import { type FromSupervisor, type SupervisionPlan, supervisionFiles, type ToSupervisor } from "./supervision.ts";
import { witnessedClock } from "./witnessed-clock.ts";

const silenceClock = witnessedClock(steadyClock, 2 * HEARTBEAT_MS);

/** Milliseconds that an earlier supervisor has for ending. */
const END_WITHIN_MS = 8000;
const RETRY_MS = 20;
/** No load makes this process wait for so long: the whole machine was stopped or suspended. */
const PAUSE_MS = 1000;

class Supervisor {
  private readonly plan: SupervisionPlan;
  private readonly steering: Steering;
  private readonly starvation = new Starvation(() => lookAtThread(process.ppid));
  private readonly heartbeats: Heartbeats;
  private readonly keepalived: Keepalived;
  private readonly lastWords: LastWords;
  private readonly probe: RouterProbe | undefined;
  private ears: ArpEars | undefined;
  private timer: NodeJS.Timeout | undefined;
  private closeFifo: () => void = () => undefined;
  private line: SerialLine | undefined;
  private lastTick = steadyClock.now();
  private toldSeen = "";

  constructor(plan: SupervisionPlan) {
    this.plan = plan;
    const { addresses, server, frozenAfterMs, peers, ports, key, program, router } = plan;
    const run = Date.now();
    const files = supervisionFiles(plan.folder);
    this.steering = new Steering({
      ...{ server, addresses, frozenAfterMs, files, clock: silenceClock },
      isStarved: (now) => this.starvation.isStarved(now),
      write: (file, value) => write(file, `${value}\n`),
    });
    this.heartbeats = new Heartbeats({ server, peers, key, run, clock: silenceClock });
    this.lastWords = new LastWords({
      ...{ server, key, epoch: run },
      connections: () => servedConnections(new Set(ports)),
      send: (packets, port) => this.heartbeats.tell(packets, port),
    });
    this.keepalived = new Keepalived({
      ...{ program, config: files.config, pidFile: files.pidFile, vrrpPidFile: files.vrrpPidFile, clock: steadyClock },
      addresses: addresses.map(({ address }) => address),
      tell: (line) => tell({ kind: "log", line }),
      died: () => this.forgetStates(),
    });
    this.probe = router && new RouterProbe(router.address, router.device, silenceClock);
  }

  async start(): Promise<void> {
    const files = supervisionFiles(this.plan.folder);
    write(files.config, this.plan.config);
    // Not able to hold anything until the daemon has said that it serves.
    this.steering.update("unknown", []);
    await this.openHeartbeats(steadyClock.now() + END_WITHIN_MS);
    this.line = await this.openLine();
    this.ears = await ArpEars.open(this.plan);
    this.closeFifo = await readNotifyFifo(files.notify, (event) => this.changed(event));
    this.probe?.start();
    await this.keepalived.start();
    this.lastTick = steadyClock.now();
    // After the poll for I/O of the same turn: what came in while this process was kept waiting is read first.
    this.timer = setInterval(() => setImmediate(() => this.tick()), HEARTBEAT_MS);
  }

  hear(message: Exclude<ToSupervisor, { kind: "plan" | "stop" }>): void {
    if (message.kind === "beat") this.beat(message.fitness);
    else if (message.kind === "release") this.steering.release(message.address, message.released);
    else this.steering.leave();
  }

  private beat(fitness: Fitness): void {
    this.starvation.over();
    this.steering.beat(fitness);
  }

  /** Addresses first, keepalived next; the port last. */
  async stop(): Promise<void> {
    this.steering.leave();
    clearInterval(this.timer);
    this.probe?.close();
    await this.keepalived.stop();
    this.forgetStates();
    this.closeFifo();
    this.line?.close();
    this.ears?.close();
    await this.heartbeats.close();
  }

  private async openLine(): Promise<SerialLine | undefined> {
    const { serial } = this.plan;
    return serial === undefined
      ? undefined
      : openSerialLine(serial, steadyClock, {
          frame: (packet) => this.heartbeats.receiveWired(packet),
          trouble: (reason) => tell({ kind: "trouble", reason }),
        });
  }

  /** The port is a lock too: the supervisor of a killed daemon gives it back when its keepalived has ended. */
  private async openHeartbeats(deadline: number): Promise<void> {
    try {
      await this.heartbeats.open(openDatagramSocket);
    } catch (error) {
      const isTaken = error instanceof EverbootError && error.code === "port-in-use";
      if (!isTaken || steadyClock.now() > deadline) throw error;
      await setTimeout(RETRY_MS);
      await this.openHeartbeats(deadline);
    }
  }

  private tick(): void {
    const now = steadyClock.now();
    silenceClock.look();
    if (now - this.lastTick > PAUSE_MS) this.steering.paused();
    this.lastTick = now;
    const witness = this.witness();
    const peers = this.heartbeats.views();
    this.steering.update(witness, peers, this.contested(peers));
    const { fitness, holds } = this.steering;
    if (this.steering.isFrozen) void this.lastWords.speak(now);
    const lasting = this.steering.lasting(witness);
    // Others must hear of a cut at once; of a LAN that is divided for long, not of every late ping.
    const told = this.heartbeats.lanWitnessed(LASTING_MS) ? witness : lasting;
    const heartbeat = this.heartbeats.send({ fitness, holds, witness: told });
    this.line?.send(heartbeat);
    this.tellSeen({ kind: "seen", witness: lasting, peers });
  }

  private contested(peers: readonly PeerView[]): readonly Ipv4[] {
    const heard = new Set(peers.flatMap(({ name, heard: where }) => (where === "nowhere" ? [] : [name])));
    return this.ears?.contested(this.steering.holds, (name) => heard.has(name), silenceClock.now()) ?? [];
  }

  private tellSeen(seen: FromSupervisor): void {
    const text = JSON.stringify(seen);
    if (text === this.toldSeen) return;
    this.toldSeen = text;
    tell(seen);
  }

  private witness(): Witness {
    return this.heartbeats.lanWitnessed(WITNESS_MS) ? "yes" : (this.probe?.witness() ?? "unknown");
  }

  private changed(event: FloatingEvent): void {
    if (this.steering.changed(event)) tell({ kind: "state", event });
  }

  /** keepalived does not run: nothing is held. */
  private forgetStates(): void {
    for (const { address } of this.plan.addresses) this.changed({ address, state: "fault" });
  }
}

function write(path: string, text: string): void {
  writeFileSync(path, text, { mode: 0o600 });
}

/** The daemon may be gone. */
function tell(message: FromSupervisor): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

/**
 * Over all ordinary processes, or a busy machine looks like a frozen daemon: within its session, and by the session among
 * others, which share the processors first (sched(7), autogroup). Not everybody may, and not every kernel has both.
 */
function hurry(): void {
  const { PRIORITY_HIGHEST } = constants.priority;
  for (const raise of [
    () => setPriority(PRIORITY_HIGHEST),
    () => writeFileSync("/proc/self/autogroup", `${PRIORITY_HIGHEST}`),
  ]) {
    try {
      raise();
    } catch {
      // the limit for a frozen daemon is wide enough for a machine that is not overloaded
    }
  }
}

let supervisor: Supervisor | undefined;

async function begin(plan: SupervisionPlan): Promise<void> {
  supervisor = new Supervisor(plan);
  try {
    await supervisor.start();
    tell({ kind: "started" });
  } catch (error) {
    tell({ kind: "failed", reason: error instanceof Error ? error.message : String(error) });
    await end();
  }
}

async function end(): Promise<void> {
  const ending = supervisor;
  supervisor = undefined;
  await ending?.stop();
  if (process.connected) process.disconnect();
}

function listen(message: ToSupervisor): void {
  if (message.kind === "plan") void begin(message.plan);
  else if (message.kind === "stop") void end();
  else supervisor?.hear(message);
}

hurry();
// A signal to all that the daemon runs, as systemd sends it, is for the daemon: it ends this process in its turn.
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => undefined);
process.on("message", listen);
// The daemon is dead, whatever killed it.
process.once("disconnect", () => void end());
