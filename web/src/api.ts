/** Asks the API; an answer other than success is an ApiError with the words of the server. */

export interface Api {
  get<T>(path: string, signal?: AbortSignal): Promise<T>;
  /** `body` goes as JSON. POST carries an Idempotency-Key, so that what is sent again after a lost answer counts once. */
  send<T>(method: "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<T>;
}

export class ApiError extends Error {
  /** HTTP status; 0 = no answer came. */
  readonly status: number;
  constructor(status: number, text: string) {
    super(text);
    this.status = status;
  }
}

export interface ApiOptions {
  readonly fetch: typeof fetch;
  /** 16 random bytes. */
  readonly randomBytes: () => Uint8Array;
  /** The session is over, or there was none. */
  readonly onRefused: () => void;
}

export function createApi({ fetch, randomBytes, onRefused }: ApiOptions): Api {
  async function ask<T>(path: string, init: RequestInit): Promise<T> {
    const response = await fetch(`/api/v1${path}`, init).catch((error: unknown) => {
      if (init.signal?.aborted) throw error;
      throw new ApiError(0, "the server does not answer: try again when the connection is back");
    });
    const answer: unknown = await response.json().catch(() => undefined);
    if (response.ok) return answer as T;
    if (response.status === 401) onRefused();
    throw new ApiError(response.status, problemText(answer) ?? `the server answered with status ${response.status}`);
  }

  // Not randomUUID: browsers have it over TLS only.
  const key = () => Array.from(randomBytes(), (byte) => byte.toString(16).padStart(2, "0")).join("");

  return {
    get: (path, signal) => ask(path, signal ? { signal } : {}),
    send: (method, path, body) =>
      ask(path, {
        method,
        headers: {
          ...(body !== undefined && { "content-type": "application/json" }),
          ...(method === "POST" && { "idempotency-key": key() }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
  };
}

/** `detail` of RFC 9457, `text` as the commands read it. */
function problemText(answer: unknown): string | undefined {
  if (typeof answer !== "object" || answer === null) return undefined;
  const { detail, text } = answer as { detail?: unknown; text?: unknown };
  return [detail, text].find((each) => typeof each === "string");
}
