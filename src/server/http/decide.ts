/** What to answer to a request: asks the routes, then the resolver. */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { type ErrorCode, EverbootError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { Elsewhere, Lookup, RedirectingResolver } from "../../content/served-file.ts";
import type { Histogram, Histograms } from "../histogram.ts";
import type { RequestHeaders } from "./conditional.ts";
import { parseTarget, type Target } from "./path.ts";
import { chooseRoute, type HttpVerdict, type Route } from "./route.ts";

/** What a handler gets of a request's body, in bytes: reports and logs, never uploads. */
export const BODY_LIMIT = 64 << 10;

/** A request, whoever has read it. */
export interface Incoming {
  readonly method: string;
  /** The request target as it came. */
  readonly url: string;
  readonly httpVersion: string;
  readonly headers: RequestHeaders;
  /** Address of the client. */
  readonly client: string;
  /** Is nothing of its body left to be read? */
  isComplete(): boolean;
  /** Undefined when it is longer than BODY_LIMIT; the rest is not read. */
  readBody(): Promise<Uint8Array | undefined>;
}

export function incomingOf(message: IncomingMessage): Incoming {
  const { method = "", url = "", httpVersion, headers, socket } = message;
  return {
    ...{ method, url, httpVersion, headers, client: clientOf(socket) },
    isComplete: () => message.complete,
    readBody: () => readBody(message),
  };
}

export interface Deciders {
  readonly routes: readonly Route[];
  readonly resolve: RedirectingResolver;
  /** Of the answers by what made them: the route's pattern, or `files`. */
  readonly answerTimes: Histograms;
  readonly log: Log;
}

export interface Decision {
  readonly verdict: HttpVerdict;
  /** The decoded path, when a file was asked for, found or not: such requests are told to the observer. */
  readonly file?: string;
}

/** Address of the client; an IPv4 client of a dual-stack socket appears as `::ffff:192.0.2.1`. */
export function clientOf(socket: Socket): string {
  return (socket.remoteAddress ?? "").replace(/^::ffff:/, "");
}

/** Never rejects: what a handler throws becomes an answer from the error table. */
export async function decide(deciders: Deciders, request: Incoming): Promise<Decision> {
  const target = parseTarget(request.url);
  // RFC 9112 section 3.2: HTTP/1.1 without Host is malformed.
  if (target.kind === "malformed" || (request.httpVersion === "1.1" && request.headers.host === undefined)) {
    return refuse("request-malformed");
  }
  if (target.kind === "refused") return refuse("file-refused");
  try {
    return await ask(deciders, request, target);
  } catch (cause) {
    if (cause instanceof EverbootError) {
      return { verdict: { kind: "error", code: cause.code, details: cause.details } };
    }
    deciders.log.error({ cause, path: target.path }, "an HTTP handler failed");
    return refuse("internal");
  }
}

async function ask(
  { routes, resolve, answerTimes }: Deciders,
  request: Incoming,
  { path, query }: Extract<Target, { kind: "path" }>,
): Promise<Decision> {
  const { method, headers, client } = request;
  const choice = chooseRoute(routes, method, path);
  switch (choice.kind) {
    case "method-refused":
      return { verdict: { kind: "error", code: "method-refused", headers: { Allow: choice.allow } } };
    case "files": {
      const find = () => resolve(path, { address: client, protocol: "http" });
      const found = await timed(answerTimes.of("files"), find);
      return { verdict: found.kind === "elsewhere" ? redirect(found, path, query) : verdictOf(found), file: path };
    }
    case "route": {
      const body = await request.readBody();
      if (!body) return refuse("request-too-large");
      const { route, params } = choice;
      const handle = () => route.handle({ method, path, params, query, headers, client, body });
      const verdict = await timed(answerTimes.of(route.pattern), handle);
      return verdict.kind === "file" ? { verdict, file: path } : { verdict };
    }
  }
}

/** Outages take time as well. */
async function timed<T>(times: Histogram, work: () => Promise<T>): Promise<T> {
  const started = times.start();
  try {
    return await work();
  } finally {
    times.end(started);
  }
}

function refuse(code: ErrorCode): Decision {
  return { verdict: { kind: "error", code } };
}

/** To the same path; it keeps its method, and nobody may remember the way (RFC 9110 section 15.4.8). */
function redirect({ at }: Elsewhere, path: string, query: string): HttpVerdict {
  const target = encodeURI(path).replace(/[?#]/g, encodeURIComponent);
  const headers = { Location: `${at}${target}${query === "" ? "" : `?${query}`}` };
  return { kind: "text", status: 307, contentType: "text/plain; charset=utf-8", body: "", headers };
}

/** Law 3. */
function verdictOf(lookup: Lookup): HttpVerdict {
  switch (lookup.kind) {
    case "file":
      return lookup;
    case "absent":
      return { kind: "error", code: "file-absent" };
    case "refused":
      return { kind: "error", code: "file-refused" };
    case "broken":
      return { kind: "error", code: lookup.code, details: lookup.details ?? {} };
  }
}

function readBody(message: IncomingMessage): Promise<Uint8Array | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    message.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= BODY_LIMIT) return void chunks.push(chunk);
      message.pause();
      resolve(undefined);
    });
    message.once("end", () => resolve(Buffer.concat(chunks)));
    message.once("error", (cause) => reject(new EverbootError("request-malformed", {}, cause)));
  });
}
