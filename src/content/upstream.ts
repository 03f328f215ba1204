/** Reading from an upstream mirror over HTTP: outages are tried again, and told apart from files that are not there. */
import { type Clock, sleep } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";

export interface UpstreamOptions {
  readonly clock: Clock;
  /** Milliseconds without a byte after which the upstream counts as down. */
  readonly idleMs: number;
  /** Milliseconds to wait before each further attempt after an outage. */
  readonly retryDelays: readonly number[];
  /** Ends everything under way. */
  readonly signal: AbortSignal;
}

/** One answer of status 200. */
export interface Incoming {
  header(name: string): string | undefined;
  readonly chunks: AsyncIterable<Uint8Array>;
}

export class Upstream {
  private readonly base: () => Promise<string>;
  private readonly options: UpstreamOptions;

  /** `base` finds the URL of the folder that has `dists/` and `pool/`; it is asked at every request. */
  constructor(base: () => Promise<string>, options: UpstreamOptions) {
    this.base = base;
    this.options = options;
  }

  /**
   * Requests `path` and lets `receive` take the body; after an outage both happen again from the start. Throws
   * EverbootError `upstream-unavailable` when all attempts failed, and what `receive` throws. `unchanged` only comes when
   * `headers` made the request conditional.
   */
  async get<T>(
    path: string,
    receive: (incoming: Incoming) => Promise<T>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<T | "absent" | "unchanged"> {
    for (const delay of this.options.retryDelays) {
      try {
        return await this.attempt(path, receive, headers);
      } catch (error) {
        if (!isOutage(error) || this.options.signal.aborted) throw error;
      }
      await sleep(this.options.clock, delay, this.options.signal).catch(throwOutage);
    }
    return this.attempt(path, receive, headers);
  }

  private async attempt<T>(
    path: string,
    receive: (incoming: Incoming) => Promise<T>,
    headers: Readonly<Record<string, string>>,
  ): Promise<T | "absent" | "unchanged"> {
    const url = `${await this.base()}/${path.split("/").map(encodeURIComponent).join("/")}`;
    const watchdog = new Watchdog(this.options);
    try {
      // Compression on the way would change what the signed index has hashes of.
      const init = { headers: { "accept-encoding": "identity", ...headers }, signal: watchdog.signal };
      const response = await fetch(url, init).catch(throwOutage);
      if (response.status === 304) return "unchanged";
      if (response.status === 404 || response.status === 410) return "absent";
      if (response.status !== 200) throwOutage(new Error(`${url}: status ${response.status}`));
      return await receive({
        header: (name) => response.headers.get(name) ?? undefined,
        chunks: readBody(response, watchdog),
      });
    } finally {
      // Also drops the connection of a body that nobody read to its end.
      watchdog.end();
    }
  }
}

async function* readBody(response: Response, watchdog: Watchdog): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response.body ?? []) {
      watchdog.feed();
      yield chunk;
    }
  } catch (error) {
    throwOutage(error);
  }
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

  feed(): void {
    this.timer?.cancel();
    const silence = new Error(`no byte for ${this.options.idleMs} ms`);
    this.timer = this.options.clock.after(this.options.idleMs, () => this.controller.abort(silence));
  }

  end(): void {
    this.timer?.cancel();
    this.controller.abort();
  }
}

function isOutage(error: unknown): boolean {
  return error instanceof EverbootError && error.code === "upstream-unavailable";
}

function throwOutage(cause: unknown): never {
  throw new EverbootError("upstream-unavailable", {}, cause);
}
