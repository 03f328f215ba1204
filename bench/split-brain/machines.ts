/**
 * Machines that are installed while the servers are in trouble, as a program in the client's namespace: they boot, ask any
 * server for their script, report, fall sick in the middle and begin anew; strangers ask for addresses of the pool. One
 * line of JSON on standard input says what to do; what happens is printed, a line each. Ends when standard input does.
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { DhcpWire } from "../../lab/simulate/dhcp.ts";
import { OutOfPatience } from "../../lab/simulate/patience.ts";
import { parseMac } from "../../src/base/address.ts";
import { pick, randomOf } from "./schedule.ts";

export interface LoadOrder {
  readonly seed: number;
  /** MAC address by host. */
  readonly hosts: Readonly<Record<string, string>>;
  /** Of servers, floating and their own. */
  readonly addresses: readonly [string, ...string[]];
  /** MAC addresses that belong to no host. */
  readonly strangers: readonly string[];
}

/** `at`: milliseconds since 1970, when the answer had come. */
export type Happening =
  /** Its script: it is to install by this permit, or to boot from its disk. */
  | { readonly kind: "script"; readonly at: number; readonly host: string; readonly token?: string }
  /** A report was accepted, refused, or its answer did not come. */
  | {
      readonly kind: "report";
      readonly at: number;
      readonly host: string;
      readonly token: string;
      readonly event: string;
      readonly note: string;
      readonly answer: "accepted" | "refused" | "unknown";
    }
  | { readonly kind: "lease"; readonly at: number; readonly mac: string; readonly address: string };

const PATIENCE_MS = 1500;
/** From a writing installer to the next boot script no machine is faster: within 3.5 s its servers may not have heard. */
const RESTART_MS = 5000;
/** How often a machine begins anew in the middle of its install. */
const SICKNESS = 0.2;

const EVENTS = ["answer", "partition", "packages", "done"];
const WRITING = EVENTS.indexOf("partition");

class Load {
  private readonly order: LoadOrder;
  private readonly signal: AbortSignal;
  private notes = 0;

  constructor(order: LoadOrder, signal: AbortSignal) {
    this.order = order;
    this.signal = signal;
  }

  /** Boots again and again until the end. */
  async machine(host: string, mac: string): Promise<void> {
    const random = randomOf(`${this.order.seed} ${host}`);
    while (!this.signal.aborted) {
      const token = await this.script(host, mac, random);
      const hasWritten = token !== undefined && (await this.install(host, token, random));
      await this.pause(hasWritten ? RESTART_MS : 200 + random() * 600);
    }
  }

  async stranger(wire: DhcpWire, mac: string): Promise<void> {
    const parsed = parseMac(mac);
    if (!parsed) throw new Error(`${mac} is no MAC address`);
    try {
      const { address } = await wire.ask(parsed, "installer", this.signal);
      tell({ kind: "lease", at: Date.now(), mac, address });
    } catch (error) {
      if (!(error instanceof OutOfPatience || this.signal.aborted)) throw error;
    }
  }

  private async script(host: string, mac: string, random: () => number): Promise<string | undefined> {
    const path = `/boot/ipxe/${mac.replaceAll(":", "-")}`;
    const answer = await this.request("GET", path, random);
    if (answer?.status !== 200) return undefined;
    const token = /\/boot\/([0-9a-f]{32})(?:-[0-9a-f]{8})?\//.exec(answer.text)?.[1];
    tell({ kind: "script", at: Date.now(), host, ...(token !== undefined && { token }) });
    return token;
  }

  /** As far as it gets: a refusal ends it, and so may sickness. Resolves with whether it has written to its disk. */
  private async install(host: string, token: string, random: () => number): Promise<boolean> {
    for (const [place, event] of EVENTS.entries()) {
      if (random() < SICKNESS) return place > WRITING;
      const answer = await this.report(host, token, event, random);
      if (answer === "refused") return place > WRITING;
      await this.pause(random() * 400);
    }
    return true;
  }

  /** Until it is answered, by whichever server. */
  private async report(host: string, token: string, event: string, random: () => number): Promise<string> {
    for (;;) {
      this.notes += 1;
      const note = `note ${this.order.seed} ${host} ${this.notes}`;
      const answer = await this.request("POST", `/report/${token}/${event}`, random, note);
      const said = answer?.status === 200 ? "accepted" : answer?.status === 403 ? "refused" : "unknown";
      tell({ kind: "report", at: Date.now(), host, token, event, note, answer: said });
      if (said !== "unknown" || this.signal.aborted) return said;
      await this.pause(200);
    }
  }

  /** Undefined = no answer in time. */
  private async request(method: string, path: string, random: () => number, body?: string) {
    const url = `http://${pick(random, this.order.addresses)}${path}`;
    const signal = AbortSignal.any([AbortSignal.timeout(PATIENCE_MS), this.signal]);
    try {
      const response = await fetch(url, { method, signal, ...(body !== undefined && { body }) });
      return { status: response.status, text: await response.text() };
    } catch {
      return undefined;
    }
  }

  private async pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.signal }).catch(() => undefined);
  }
}

function tell(happening: Happening): void {
  process.stdout.write(`${JSON.stringify(happening)}\n`);
}

const over = new AbortController();
const lines = createInterface({ input: process.stdin });
lines.once("close", () => over.abort());
lines.once("line", async (line) => {
  const order = JSON.parse(line) as LoadOrder;
  const load = new Load(order, over.signal);
  const wire = await DhcpWire.open("lan");
  const strangers = order.strangers.map(async (mac, place) => {
    await delay(place * 500, undefined, { signal: over.signal }).catch(() => undefined);
    if (!over.signal.aborted) await load.stranger(wire, mac);
  });
  await Promise.all([...Object.entries(order.hosts).map(([host, mac]) => load.machine(host, mac)), ...strangers]);
  wire.close();
});
