/**
 * Calls to an etcd cluster over the JSON gateway (etcd 3.4, `api/grpc-gateway`). A call has a short deadline on each
 * member and goes on with the next one; only when its patience is over, it fails. So a dead or frozen member costs a
 * call at most `callMs`, and a dead cluster answers within `patienceMs`.
 */
import { type Clock, sleep } from "../base/clock.ts";
import { storeUnavailable } from "./change.ts";
import type { EtcdAnswer, EtcdTransport } from "./etcd-transport.ts";

export interface EtcdClientOptions {
  /** `http://127.0.0.1:2379`; the first one is asked first. */
  readonly endpoints: readonly string[];
  readonly clock: Clock;
  readonly transport: EtcdTransport;
  /** Milliseconds that one member gets to answer. */
  readonly callMs: number;
  /** Milliseconds after which a call fails. */
  readonly patienceMs: number;
  /** In base64; is read while streams are open, to tell a silent member from one with nothing to say. */
  readonly probeKey: string;
}

/** etcd has understood the call and said no, and would say so again. */
export class EtcdRefusal extends Error {
  /** gRPC status code. */
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.name = "EtcdRefusal";
    this.code = code;
  }
}

/** gRPC status codes with which etcd refuses for good; all others pass, with luck, on another member or later. */
const FINAL_CODES: ReadonlySet<number> = new Set([
  3 /* InvalidArgument: too many operations in a transaction */, 7 /* PermissionDenied */,
  11 /* OutOfRange: compacted */, 12 /* Unimplemented: no gateway */, 16 /* Unauthenticated */,
]);

/** Between two tries, so that a cluster without a leader is not asked in a tight loop. */
const PAUSE_MS = 20;
/** Milliseconds between two looks at the member that streams come from. */
const PROBE_MS = 500;

export interface Patience {
  readonly signal: AbortSignal;
  /** The last word on what went wrong, for the log. */
  reason?: unknown;
  end(): void;
}

export class EtcdClient {
  private readonly options: EtcdClientOptions;
  private place = 0;
  /** Open streams by their member. */
  private readonly streams = new Map<AbortController, string>();
  private probing: boolean = false;

  constructor(options: EtcdClientOptions) {
    this.options = options;
  }

  /** Time for one thing to be done, however many calls and members it takes. */
  patience(): Patience {
    const controller = new AbortController();
    const timer = this.options.clock.after(this.options.patienceMs, () => controller.abort());
    return { signal: controller.signal, end: () => timer.cancel() };
  }

  /**
   * Sends the call again, to the next member, until there is an answer: only for calls that may be done twice.
   * Resolves with the answer and how often it was sent. Rejects with `EtcdRefusal`, or EverbootError
   * `store-unavailable` when the patience is over; what was sent may then still take effect.
   */
  async call(path: string, body: unknown, patience: Patience): Promise<{ answer: unknown; tries: number }> {
    const text = JSON.stringify(body);
    for (let tries = 1; !patience.signal.aborted; tries++) {
      const endpoint = this.endpoint();
      try {
        return { answer: await this.attempt(endpoint + path, text, patience.signal), tries };
      } catch (error) {
        if (error instanceof EtcdRefusal && FINAL_CODES.has(error.code)) throw error;
        patience.reason = error;
        this.leave(endpoint);
        await this.pause(patience.signal);
      }
    }
    throw storeUnavailable(patience.reason);
  }

  /**
   * One streaming call to one member: the `result` objects that come. Rejects when the member refuses, breaks off, or
   * fails another call, a probe for one.
   */
  async *stream(path: string, body: unknown, signal: AbortSignal): AsyncGenerator<unknown, void, void> {
    const endpoint = this.endpoint();
    const controller = new AbortController();
    this.streams.set(controller, endpoint);
    if (!this.probing) this.probeSoon();
    const timer = this.options.clock.after(this.options.callMs, () => this.leave(endpoint));
    try {
      const both = AbortSignal.any([controller.signal, signal]);
      const answer = await this.options.transport.post(endpoint + path, JSON.stringify(body), both);
      timer.cancel();
      if (answer.status !== 200) throw refusalOf(await textOf(answer), answer.status);
      for await (const line of linesOf(answer.chunks)) yield resultOf(line);
      throw new Error(`${endpoint} ended the stream`);
    } catch (error) {
      this.leave(endpoint);
      throw error;
    } finally {
      timer.cancel();
      this.streams.delete(controller);
      controller.abort();
    }
  }

  /** Resolves after a moment, or when the signal aborts. */
  async pause(signal: AbortSignal): Promise<void> {
    await sleep(this.options.clock, PAUSE_MS, signal).catch(() => undefined);
  }

  close(): void {
    this.options.transport.close();
  }

  private endpoint(): string {
    const { endpoints } = this.options;
    return endpoints[this.place % endpoints.length] ?? "";
  }

  private probeSoon(): void {
    this.probing = this.streams.size > 0;
    if (this.probing) this.options.clock.after(PROBE_MS, () => void this.probe().finally(() => this.probeSoon()));
  }

  private async probe(): Promise<void> {
    const patience = this.patience();
    const request = { key: this.options.probeKey, keys_only: true };
    // A member that does not answer is left by the call, and its streams with it.
    await this.call("/v3/kv/range", request, patience).catch(() => undefined);
    patience.end();
  }

  /** A member that fails a call is most likely dead, frozen or cut off: its streams are silent, and must move too. */
  private leave(endpoint: string): void {
    if (endpoint === this.endpoint()) this.place += 1;
    for (const [controller, at] of this.streams) if (at === endpoint) controller.abort();
  }

  private async attempt(url: string, body: string, patience: AbortSignal): Promise<unknown> {
    const deadline = new AbortController();
    const timer = this.options.clock.after(this.options.callMs, () => deadline.abort());
    try {
      const answer = await this.options.transport.post(url, body, AbortSignal.any([deadline.signal, patience]));
      const text = await textOf(answer);
      if (answer.status !== 200) throw refusalOf(text, answer.status);
      return JSON.parse(text);
    } finally {
      timer.cancel();
    }
  }
}

async function textOf(answer: EtcdAnswer): Promise<string> {
  let text = "";
  for await (const chunk of answer.chunks) text += chunk;
  return text;
}

async function* linesOf(chunks: AsyncIterable<string>): AsyncGenerator<string, void, void> {
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

/** A line of a stream is `{"result": ...}`, or `{"error": {"grpc_code", "message"}}` and the last. */
function resultOf(line: string): unknown {
  const { result, error } = JSON.parse(line) as StreamLine;
  if (error) throw new EtcdRefusal(error.grpc_code ?? 2, error.message ?? "no reason given");
  return result;
}

interface StreamLine {
  readonly result?: unknown;
  readonly error?: { readonly grpc_code?: number; readonly message?: string };
}

/** Gateways answer `{"code", "message"}`; what is no JSON comes from something else that listens there. */
function refusalOf(text: string, status: number): Error {
  try {
    const { code, message } = JSON.parse(text) as { readonly code?: number; readonly message?: string };
    return new EtcdRefusal(code ?? 2, message ?? `HTTP ${status}`);
  } catch {
    return new Error(`HTTP ${status}: no answer of etcd`);
  }
}
