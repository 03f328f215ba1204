/**
 * A DhcpWire in a thread of its own: machines have processors of their own, so what they wait for an address must not
 * count the time that other simulated machines take. Both halves are in this file.
 */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import type { Mac } from "../../src/base/address.ts";
import { type DhcpAnswer, DhcpWire } from "./dhcp.ts";
import { type DhcpClient, OutOfPatience } from "./patience.ts";

interface Question {
  readonly number: number;
  readonly mac: Mac;
  readonly client: DhcpClient;
}

/** `gaveUp`: what the client had no patience for. */
type Reply = { readonly number: number } & ({ readonly answer: DhcpAnswer } | { readonly gaveUp: string });

export class DhcpThread implements Pick<DhcpWire, "ask"> {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, PromiseWithResolvers<DhcpAnswer>>();
  private count: number = 0;

  private constructor(worker: Worker) {
    this.worker = worker;
    worker.on("message", (reply: Reply) => this.hear(reply));
    worker.on("error", (error) => {
      for (const { reject } of this.waiting.values()) reject(error);
    });
  }

  /** As `DhcpWire.open`. */
  static open(device: string): DhcpThread {
    return new DhcpThread(new Worker(new URL(import.meta.url), { workerData: device }));
  }

  /** As `DhcpWire.ask`. The thread goes on asking when `signal` is aborted, until the client's patience ends. */
  ask(mac: Mac, client: DhcpClient, signal: AbortSignal): Promise<DhcpAnswer> {
    signal.throwIfAborted();
    this.count += 1;
    const promise = Promise.withResolvers<DhcpAnswer>();
    this.waiting.set(this.count, promise);
    this.worker.postMessage({ number: this.count, mac, client } satisfies Question);
    return promise.promise;
  }

  async close(): Promise<void> {
    await this.worker.terminate();
  }

  private hear(reply: Reply): void {
    const promise = this.waiting.get(reply.number);
    this.waiting.delete(reply.number);
    if ("answer" in reply) promise?.resolve(reply.answer);
    else promise?.reject(new OutOfPatience(reply.gaveUp));
  }
}

async function serve(device: string): Promise<void> {
  const wire = await DhcpWire.open(device);
  const signal = new AbortController().signal;
  parentPort?.on("message", async ({ number, mac, client }: Question) => {
    try {
      parentPort?.postMessage({ number, answer: await wire.ask(mac, client, signal) } satisfies Reply);
    } catch (error) {
      if (!(error instanceof OutOfPatience)) throw error;
      parentPort?.postMessage({ number, gaveUp: error.message } satisfies Reply);
    }
  });
}

if (!isMainThread) await serve(String(workerData));
