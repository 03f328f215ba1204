/** Does the router answer? A program `ping` that runs all the time asks it; Node has no ICMP of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Ipv4 } from "../../base/address.ts";
import type { Clock } from "../../base/clock.ts";
import type { Witness } from "./advice.ts";
import { WITNESS_MS } from "./heartbeats.ts";

/** Seconds between two pings: a single lost one is within `WITNESS_MS`. */
const INTERVAL = "0.02";
const RESTART_MS = 5000;

export class RouterProbe {
  private readonly router: Ipv4;
  private readonly device: string;
  private readonly clock: Clock;
  private child: ChildProcess | undefined;
  private lastAnswer: number | undefined;
  private closed: boolean = false;

  constructor(router: Ipv4, device: string, clock: Clock) {
    this.router = router;
    this.device = device;
    this.clock = clock;
  }

  /** Again when it ends, as it does when its interface is gone. Without the program (iputils-ping) nothing is known. */
  start(): void {
    if (this.closed) return;
    const args = ["--pdeathsig", "KILL", "ping", "-n", "-i", INTERVAL, "-I", this.device, this.router];
    const child = spawn("setpriv", args, { stdio: ["ignore", "pipe", "ignore"] });
    this.child = child;
    createInterface({ input: child.stdout }).on("line", (line) => this.read(line));
    let ended = false;
    const again = () => {
      if (ended) return;
      ended = true;
      this.clock.after(RESTART_MS, () => this.start());
    };
    child.once("error", again).once("close", again);
  }

  /** A line of iputils' ping: `64 bytes from 192.168.0.1: icmp_seq=1 ttl=64 time=0.05 ms`. */
  read(line: string): void {
    if (line.includes(" bytes from ")) this.lastAnswer = this.clock.now();
  }

  /** `unknown` for a router that has never answered: it may not answer pings at all. */
  witness(): Witness {
    if (this.lastAnswer === undefined) return "unknown";
    return this.clock.now() - this.lastAnswer < WITNESS_MS ? "yes" : "no";
  }

  close(): void {
    this.closed = true;
    this.child?.kill("SIGKILL");
  }
}
