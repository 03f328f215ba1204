/** One request of a download, with outages told apart from all other trouble. */
import type { Clock } from "../base/clock.ts";
import { errnoOf } from "../base/errors.ts";

export interface RequestOptions {
  readonly clock: Clock;
  /** Milliseconds without a byte after which the server counts as down. */
  readonly idleMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** The line or the server is down: worth trying again. The message says it in words. */
export class Outage extends Error {}

/** Lets `receive` take the answer, and drops the connection afterwards. Throws `Outage`, and what `receive` throws. */
export async function request<T>(
  url: string,
  headers: Readonly<Record<string, string>>,
  options: RequestOptions,
  receive: (response: Response, chunks: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  const silence = new Silence(options);
  try {
    // Compressed on the way, parts would be parts of something else.
    const init = { headers: { "accept-encoding": "identity", ...headers }, signal: silence.signal };
    const response = await fetch(url, init).catch(throwOutage);
    return await receive(response, bodyOf(response, silence));
  } finally {
    silence.end();
  }
}

async function* bodyOf(response: Response, silence: Silence): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response.body ?? []) {
      silence.feed();
      yield chunk;
    }
  } catch (error) {
    throwOutage(error);
  }
}

/** Ends a request when nothing came for too long. */
class Silence {
  readonly signal: AbortSignal;
  private readonly options: RequestOptions;
  private readonly controller = new AbortController();
  private timer: { cancel(): void } | undefined;

  constructor(options: RequestOptions) {
    this.options = options;
    this.signal = AbortSignal.any([this.controller.signal, ...(options.signal ? [options.signal] : [])]);
    this.feed();
  }

  feed(): void {
    const { clock, idleMs } = this.options;
    this.timer?.cancel();
    this.timer = clock.after(idleMs, () => this.controller.abort(new Error(`no byte for ${idleMs / 1000} s`)));
  }

  end(): void {
    this.timer?.cancel();
    this.controller.abort();
  }
}

function throwOutage(error: unknown): never {
  // fetch says "fetch failed", and why behind it.
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  throw new Outage(errnoOf(cause) ?? (cause instanceof Error ? cause.message : String(cause)), { cause: error });
}

/** Where the body begins in the file; undefined = it is no part of it. */
export function startOf(response: Response): number | undefined {
  if (response.status === 200) return 0;
  const [, start] = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "") ?? [];
  return response.status === 206 && start !== undefined ? Number(start) : undefined;
}

/** Bytes of the whole file, when the server tells. */
export function totalOf(response: Response): number | undefined {
  const [, total] = /\/(\d+)$/.exec(response.headers.get("content-range") ?? "") ?? [];
  const text = total ?? (response.status === 200 ? response.headers.get("content-length") : null);
  return text === null ? undefined : Number(text);
}

/** For If-Range; a weak ETag does not stand for the same bytes (RFC 9110 sections 8.8.1 and 13.1.5). */
export function validatorOf({ headers }: Response): string | undefined {
  const etag = headers.get("etag");
  return (etag?.startsWith("W/") === false ? etag : headers.get("last-modified")) ?? undefined;
}
