/** What lies beside the API at its doors: the health check, metrics, and the dashboard's files. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { EverbootError } from "../../base/errors.ts";
import { headerOf, matchesTag } from "./headers.ts";
import type { Caller } from "./route.ts";

/** A file of the dashboard. */
export interface WebFile {
  readonly body: Uint8Array;
  /** Content-Type. */
  readonly type: string;
  /** Entity tag, with its quotes. */
  readonly etag: string;
  /** Further headers: Content-Encoding, Content-Security-Policy, Cache-Control. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** `path` as in the URL, without its query; `encodings`: the Accept-Encoding header. Undefined = no such file. */
export type ServeWeb = (path: string, encodings: string) => WebFile | undefined;

export interface BesideOptions {
  readonly callerOf: (request: FastifyRequest) => Caller;
  readonly hasOpenMetrics: boolean;
  readonly metrics?: () => Promise<{ readonly contentType: string; readonly body: string }>;
}

export function besideRoutes({ callerOf, hasOpenMetrics, metrics }: BesideOptions): (app: FastifyInstance) => void {
  return (app) => {
    app.get("/healthz", (_request, reply) => reply.type("text/plain; charset=utf-8").send("ok\n"));
    app.get("/metrics", async (request, reply) => {
      // Each role may read them.
      if (!hasOpenMetrics) callerOf(request);
      if (!metrics) throw new EverbootError("call-unknown");
      const { contentType, body } = await metrics();
      return reply.type(contentType).send(body);
    });
  };
}

/** Undefined = the dashboard has no such file. */
export function sendWeb(serve: ServeWeb, request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
  const [path = "/"] = request.url.split("?");
  if ((request.method !== "GET" && request.method !== "HEAD") || path.startsWith("/api/")) return undefined;
  const file = serve(path, headerOf(request, "accept-encoding") ?? "");
  if (!file) return undefined;
  reply.headers({ ...file.headers, etag: file.etag });
  if (matchesTag(headerOf(request, "if-none-match"), file.etag)) return reply.code(304).send();
  return reply.code(200).type(file.type).send(file.body);
}
