/** What to answer to a request: asks the routes, then the resolver. */
import type { IncomingMessage } from "node:http";
import { type ErrorCode, EverbootError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { FileResolver, Lookup } from "../../content/served-file.ts";
import type { Histogram, Histograms } from "../histogram.ts";
import { parseTarget, type Target } from "./path.ts";
import { chooseRoute, type HttpVerdict, type Route } from "./route.ts";

/** What a handler gets of a request's body, in bytes: reports and logs, never uploads. */
export const BODY_LIMIT = 64 << 10;

export interface Deciders {
  readonly routes: readonly Route[];
  readonly resolve: FileResolver;
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
export function clientOf(message: IncomingMessage): string {
  return (message.socket.remoteAddress ?? "").replace(/^::ffff:/, "");
}

/** Never rejects: what a handler throws becomes an answer from the error table. */
export async function decide(deciders: Deciders, message: IncomingMessage): Promise<Decision> {
  const target = parseTarget(message.url ?? "");
  // RFC 9112 section 3.2: HTTP/1.1 without Host is malformed.
  if (target.kind === "malformed" || (message.httpVersion === "1.1" && message.headers.host === undefined)) {
    return refuse("request-malformed");
  }
  if (target.kind === "refused") return refuse("file-refused");
  try {
    return await ask(deciders, message, target);
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
  message: IncomingMessage,
  { path, query }: Extract<Target, { kind: "path" }>,
): Promise<Decision> {
  const { method = "", headers } = message;
  const client = clientOf(message);
  const choice = chooseRoute(routes, method, path);
  switch (choice.kind) {
    case "method-refused":
      return { verdict: { kind: "error", code: "method-refused", headers: { Allow: choice.allow } } };
    case "files": {
      const find = () => resolve(path, { address: client, protocol: "http" });
      return { verdict: verdictOf(await timed(answerTimes.of("files"), find)), file: path };
    }
    case "route": {
      const body = await readBody(message);
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

/** Undefined when it is longer than BODY_LIMIT; the rest is not read. */
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
