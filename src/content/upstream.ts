/**
 * Reading from an upstream mirror over HTTP: short outages are waited out, long ones are answered at once, and both are
 * told apart from files that are not there.
 */
import { type Clock, sleep } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";

/** Times in milliseconds. */
export interface UpstreamOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Without a byte for so long the upstream counts as gone. */
  readonly idle: number;
  /** Pauses before each further attempt after an outage. */
  readonly retries: readonly number[];
  /** While the upstream is down, it is tried no more often. */
  readonly probe: number;
  /** Ends everything under way. */
  readonly signal: AbortSignal;
}

/** One answer with a body. */
export interface Incoming {
  header(name: string): string | undefined;
  /** Where in the file the body begins. */
  readonly start: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Takes one file as it comes, over several attempts if need be. */
export interface Sink {
  /** Bytes taken so far. */
  readonly taken: number;
  /** The upstream has the file. Told at each attempt. */
  begin(incoming: Incoming): Promise<void>;
  take(chunk: Uint8Array): Promise<void>;
}

type Answer<T> = T | "absent" | "unchanged";
type Receive<T> = (incoming: Incoming) => Promise<T>;
type Headers = Readonly<Record<string, string>>;

export class Upstream {
  private readonly base: () => Promise<string>;
  private readonly options: UpstreamOptions;
  /** When it first failed to answer since it last did. */
  private silentSince: number | undefined;
  /** While it is down: when it may be tried again. */
  private nextProbe: number | undefined;

  /** `base` finds the URL of the upstream's top folder, without a slash behind it; it is asked at every request. */
  constructor(base: () => Promise<string>, options: UpstreamOptions) {
    this.base = base;
    this.options = options;
  }

  /**
   * Requests `path` and lets `receive` take the body; after an outage both happen again from the start. `unchanged` only
   * comes when `headers` made the request conditional. Throws what `receive` throws, and EverbootError:
   * - `upstream-down` when the upstream did not answer at any attempt, or is known not to;
   * - `upstream-unavailable` when it answered with a status that is neither yes nor no.
   */
  get<T>(path: string, receive: Receive<T>, headers: Headers = {}): Promise<Answer<T>> {
    return this.insist(() => this.attempt(path, receive, headers));
  }

  /**
   * Pours the file into `sink`; after an outage it goes on where it stopped. Throws like `get`, and `upstream-mismatch`
   * when the file has become shorter meanwhile.
   */
  async download(path: string, sink: Sink): Promise<"absent" | "whole"> {
    const receive = async (incoming: Incoming) => {
      await sink.begin(incoming);
      await pour(incoming, sink);
      return "whole" as const;
    };
    const answer = await this.insist(() =>
      this.attempt(path, receive, sink.taken > 0 ? { range: `bytes=${sink.taken}-` } : {}),
    );
    return answer === "whole" ? answer : "absent";
  }

  private async insist<T>(attempt: () => Promise<T>): Promise<T> {
    const { clock, retries, signal } = this.options;
    if (this.nextProbe !== undefined && clock.now() < this.nextProbe) throw await this.down();
    const delays = this.nextProbe === undefined ? retries : [];
    // Others do not wait for the outcome.
    if (this.nextProbe !== undefined) this.nextProbe = Number.POSITIVE_INFINITY;
    for (const delay of delays) {
      try {
        return await attempt();
      } catch (error) {
        if (!isOutage(error) || signal.aborted) throw error;
      }
      await sleep(clock, delay, signal).catch(throwUnavailable);
    }
    return this.lastAttempt(attempt);
  }

  private async lastAttempt<T>(attempt: () => Promise<T>): Promise<T> {
    const { clock, log, probe, signal } = this.options;
    try {
      return await attempt();
    } catch (error) {
      const isDown = error instanceof Unreachable && !signal.aborted;
      if (isDown && this.nextProbe === undefined) log.warn({ cause: error }, "the upstream mirror is down");
      if (isDown || this.nextProbe !== undefined) this.nextProbe = clock.now() + probe;
      throw isDown ? await this.down(error) : error;
    }
  }

  private async attempt<T>(path: string, receive: Receive<T>, headers: Headers): Promise<Answer<T>> {
    const url = `${await this.base()}/${path.split("/").map(encodeURIComponent).join("/")}`;
    const watchdog = new Watchdog(this.options);
    try {
      // Compression on the way would change what the signed index has hashes of.
      const init = { headers: { "accept-encoding": "identity", ...headers }, signal: watchdog.signal };
      const response = await fetch(url, init);
      this.answered();
      if (response.status === 304) return "unchanged";
      if (response.status === 404 || response.status === 410) return "absent";
      if (response.status === 416) throw new EverbootError("upstream-mismatch", {}, new Error(`${url}: shorter now`));
      if (response.status !== 200 && response.status !== 206) throwUnavailable(`${url}: status ${response.status}`);
      return await receive({
        header: (name) => response.headers.get(name) ?? undefined,
        start: response.status === 206 ? startOf(url, response) : 0,
        chunks: readBody(response, watchdog),
      });
    } catch (error) {
      if (watchdog.isOver || isNetworkError(error)) throw this.unreachable(error);
      throw error;
    } finally {
      // Also drops the connection of a body that nobody read to its end.
      watchdog.end();
    }
  }

  private answered(): void {
    if (this.nextProbe !== undefined) this.options.log.info({}, "the upstream mirror answers again");
    this.silentSince = undefined;
    this.nextProbe = undefined;
  }

  private unreachable(cause: unknown): Unreachable {
    this.silentSince ??= this.options.clock.now();
    return new Unreachable(cause);
  }

  private async down(cause?: unknown): Promise<EverbootError> {
    const { origin, pathname } = new URL(await this.base());
    const since = new Date(this.silentSince ?? this.options.clock.now()).toISOString();
    return new EverbootError("upstream-down", { upstream: origin + pathname, since }, cause);
  }
}

/** No answer, or one that broke off. */
class Unreachable extends EverbootError {
  constructor(cause: unknown) {
    super("upstream-unavailable", {}, cause);
  }
}

/** An upstream that knows no ranges sends what is already there once more. */
async function pour({ start, chunks }: Incoming, sink: Sink): Promise<void> {
  let position = start;
  for await (const chunk of chunks) {
    const fresh = chunk.subarray(Math.max(0, sink.taken - position));
    position += chunk.length;
    if (fresh.length > 0) await sink.take(fresh);
  }
}

/** RFC 9110 section 14.4. */
function startOf(url: string, response: Response): number {
  const [, start] = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "") ?? [];
  if (start === undefined) throwUnavailable(`${url}: a part of the file without Content-Range`);
  return Number(start);
}

/** A failure of fetch's or of the body that it reads, not of whoever took the bytes. */
class BodyError extends Error {}

async function* readBody(response: Response, watchdog: Watchdog): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  for (;;) {
    const next = await reader?.read().catch((cause: unknown) => {
      throw new BodyError("the body broke off", { cause });
    });
    if (next === undefined || next.done) return;
    watchdog.feed();
    yield next.value;
  }
}

/** `fetch` rejects with a TypeError for everything that goes wrong with the connection. */
function isNetworkError(error: unknown): boolean {
  return error instanceof BodyError || (error instanceof TypeError && error.message === "fetch failed");
}

/** Aborts a request when nothing came for too long. */
class Watchdog {
  readonly signal: AbortSignal;
  private readonly options: UpstreamOptions;
  private readonly controller = new AbortController();
  private timer: { cancel(): void } | undefined;

  constructor(options: UpstreamOptions) {
    this.options = options;
    this.signal = AbortSignal.any([this.controller.signal, options.signal]);
    this.feed();
  }

  /** Has it, or the mirror's end, aborted the request? */
  get isOver(): boolean {
    return this.signal.aborted;
  }

  feed(): void {
    this.timer?.cancel();
    const silence = new Error(`no byte for ${this.options.idle} ms`);
    this.timer = this.options.clock.after(this.options.idle, () => this.controller.abort(silence));
  }

  end(): void {
    this.timer?.cancel();
    this.controller.abort();
  }
}

function isOutage(error: unknown): boolean {
  return error instanceof EverbootError && error.code === "upstream-unavailable";
}

function throwUnavailable(cause: unknown): never {
  throw new EverbootError("upstream-unavailable", {}, cause instanceof Error ? cause : new Error(String(cause)));
}
