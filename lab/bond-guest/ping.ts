/** Pings from a namespace, counted. */
import { once } from "node:events";
import { createInterface } from "node:readline";
import { EverbootError } from "../../src/base/errors.ts";
import type { Namespace } from "../netns.ts";

export interface PingResult {
  readonly sent: number;
  readonly received: number;
}

export interface PingOptions {
  readonly count: number;
  readonly intervalMs: number;
  /** Done when `at` pings have been sent and answered, while the others go on. */
  readonly during: { readonly at: number; readonly work: () => Promise<void> };
}

/** Pings with iputils-ping; resolves when `during` is done too. */
export async function ping(space: Namespace, address: string, options: PingOptions): Promise<PingResult> {
  const { count, intervalMs, during } = options;
  const child = space.spawn("ping", ["-n", "-c", String(count), "-i", String(intervalMs / 1000), address], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const closed = once(child, "close");
  let output = "";
  let works: Promise<void>[] = [];
  if (!child.stdout) throw new Error("ping has no output");
  for await (const line of createInterface({ input: child.stdout })) {
    output += `${line}\n`;
    const answered = Number(/icmp_seq=(\d+)/.exec(line)?.[1] ?? 0);
    if (works.length === 0 && answered >= during.at) works = [during.work()];
  }
  await Promise.all([closed, ...works]);
  const result = readPing(output);
  if (result && works.length > 0) return result;
  throw new EverbootError("lab-broken", { reason: `${address} does not answer pings: ${output.trim()}` });
}

/** The summary of iputils-ping: `100 packets transmitted, 98 received, +1 duplicates, 2% packet loss, time 9950ms`. */
export function readPing(output: string): PingResult | undefined {
  const found = /^(\d+) packets transmitted, (\d+) received/m.exec(output);
  return found ? { sent: Number(found[1]), received: Number(found[2]) } : undefined;
}
