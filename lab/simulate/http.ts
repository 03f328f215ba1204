/** Downloads by HTTP as iPXE and GNU wget make them. */
import { type IncomingMessage, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { IPXE_CONNECT_MS, OutOfPatience, WGET } from "./patience.ts";

/** The server has answered, and will not give it. */
export class Refused extends Error {
  readonly status: number;
  constructor(status: number, what: string) {
    super(`${what}: ${status}`);
    this.status = status;
  }
}

export interface Caller {
  /** The machine's own address; absent = as the system chooses. */
  readonly from?: string;
  readonly signal: AbortSignal;
}

/** As GNU wget does it: resumes with Range after a break, tries again after a refusal; rejects with Refused or OutOfPatience. */
export async function fetchAsWget(url: string, caller: Caller): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let tries = 1; tries <= WGET.tries; tries++) {
    try {
      const timing = { silenceMs: WGET.silenceMs, connectMs: WGET.silenceMs };
      const { retryAfter } = await readOn(url, chunks, { ...caller, ...timing });
      // It knows no Retry-After: 503 is an error as others are.
      if (retryAfter === undefined) return Buffer.concat(chunks);
    } catch (error) {
      caller.signal.throwIfAborted();
      if (error instanceof Refused && error.status < 500) throw error;
    }
    await delay(Math.min(tries * 1000, WGET.longestPauseMs), undefined, { signal: caller.signal });
  }
  throw new OutOfPatience(`wget ${url}`);
}

/**
 * As iPXE does it: one try, from the beginning; but it comes again for ever where an answer has Retry-After
 * (net/tcp/httpcore.c).
 */
export async function fetchAsIpxe(url: string, silenceMs: number, caller: Caller): Promise<Buffer> {
  for (;;) {
    const chunks: Buffer[] = [];
    const { retryAfter } = await readOn(url, chunks, { ...caller, silenceMs, connectMs: IPXE_CONNECT_MS });
    if (retryAfter === undefined) return Buffer.concat(chunks);
    await delay(retryAfter * 1000, undefined, { signal: caller.signal });
  }
}

/** One try to post; resolves with the status, rejects when there is no answer. */
export function post(url: string, silenceMs: number, caller: Caller): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const call = request(url, { method: "POST", ...connection(caller), timeout: silenceMs }, (response) => {
    response.resume();
    response.on("end", () => resolve(response.statusCode ?? 0));
    response.on("error", reject);
  });
  call.on("timeout", () => call.destroy(new Error("silence")));
  call.on("error", reject);
  call.end();
  return promise;
}

interface Reading extends Caller {
  readonly silenceMs: number;
  readonly connectMs: number;
}

/** `retryAfter`: seconds; nothing was read then. */
type Read = { readonly retryAfter?: number };

function readOn(url: string, chunks: Buffer[], reading: Reading): Promise<Read> {
  const { promise, resolve, reject } = Promise.withResolvers<Read>();
  const have = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const headers = have > 0 ? { range: `bytes=${have}-` } : {};
  const call = request(url, { headers, ...connection(reading) }, (response) => {
    const retryAfter = Number(response.headers["retry-after"]);
    if (response.statusCode === 503 && retryAfter > 0) {
      response.resume();
      return resolve({ retryAfter });
    }
    if (response.statusCode !== (have > 0 ? 206 : 200)) {
      response.resume();
      return reject(new Refused(response.statusCode ?? 0, url));
    }
    take(response, chunks, resolve, reject);
  });
  const hurry = setTimeout(() => call.destroy(new Error("no connection")), reading.connectMs);
  call.once("socket", (socket) => socket.once("connect", () => clearTimeout(hurry)));
  call.once("close", () => clearTimeout(hurry));
  call.setTimeout(reading.silenceMs, () => call.destroy(new Error("silence")));
  call.on("error", reject);
  call.end();
  return promise;
}

function take(
  response: IncomingMessage,
  chunks: Buffer[],
  resolve: (read: Read) => void,
  reject: (why: Error) => void,
) {
  response.on("data", (chunk: Buffer) => chunks.push(chunk));
  response.on("end", () => (response.complete ? resolve({}) : reject(new Error("cut off"))));
  response.on("error", reject);
}

/** A connection for each request, as programs make it that end after one. */
function connection({ from, signal }: Caller) {
  return { agent: false as const, signal, ...(from !== undefined && { localAddress: from }) };
}
