/** One door of the API: the routes as Fastify serves them to those who come by it. */
import type { IncomingMessage, ServerResponse } from "node:http";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { type ErrorCode, EverbootError, errorKind } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { Audit } from "../../cluster/audit.ts";
import { includesRole } from "../../cluster/tokens.ts";
import { requireRole } from "./access.ts";
import { type ServeWeb, sendWeb } from "./beside.ts";
import { headerOf, matchesTag } from "./headers.ts";
import { PROBLEM_TYPE, problemOf } from "./problem.ts";
import { redact } from "./redact.ts";
import type { ApiRoute, CallContext, Caller, ChangeNote, Sent } from "./route.ts";

export interface AppOptions {
  readonly routes: readonly ApiRoute[];
  /** Who asks, told from the request. Throws EverbootError where that cannot be told. */
  readonly callerOf: (request: FastifyRequest) => Caller;
  /** Absent = nobody keeps what was changed. */
  readonly audit?: Audit;
  readonly log: Log;
  /** Adds what lies beside the API. */
  readonly beside?: (app: FastifyInstance) => void;
  /** For paths that are nobody else's. */
  readonly web?: ServeWeb;
}

/** Somebody who may call what anyone may. */
const ANYONE: Caller = { name: "anyone", role: "viewer", by: "token" };
const BODY_LIMIT = 64 << 10;
const JSON_TYPE = "application/json; charset=utf-8";

/** Takes a request; resolves when it is ready to. */
export type Serve = (request: IncomingMessage, response: ServerResponse) => void;

export async function createApp(options: AppOptions): Promise<{ readonly serve: Serve; close(): Promise<void> }> {
  const app = Fastify({
    logger: false,
    exposeHeadRoutes: false,
    bodyLimit: BODY_LIMIT,
    frameworkErrors: (error, _request, reply) => fail(error, reply),
  });
  // A browser sends `text/plain` from any page without asking first.
  app.removeContentTypeParser("text/plain");
  app.setErrorHandler((error, request, reply) => {
    if (problemOf(error).code === "internal")
      options.log.error({ error, url: request.url }, "a request of the API failed");
    return fail(error, reply);
  });
  app.setNotFoundHandler((request, reply) => {
    const sent = options.web && sendWeb(options.web, request, reply);
    return sent ?? fail(notFound(options.routes, request, reply), reply);
  });
  app.addHook("onSend", async (_request, reply) => void reply.header("x-content-type-options", "nosniff"));
  for (const route of options.routes) addRoute(app, route, options);
  options.beside?.(app);
  await app.ready();
  return { serve: (request, response) => app.routing(request, response), close: () => app.close() };
}

interface Answering {
  readonly caller: Caller;
  readonly notes: ChangeNote[];
}

function addRoute(app: FastifyInstance, route: ApiRoute, options: AppOptions): void {
  const underWay = new WeakMap<FastifyRequest, Answering>();
  app.route({
    method: route.method,
    url: route.path.replace(/\{(\w+)\}/g, ":$1"),
    bodyLimit: route.bodyLimit ?? BODY_LIMIT,
    // Before the body is read: whoever may not call sends nothing that is kept.
    onRequest: async (request) => {
      const caller = route.role === "anyone" ? ANYONE : options.callerOf(request);
      underWay.set(request, { caller, notes: [] });
      if (route.role !== "anyone") requireRole(caller, route.role);
    },
    onError: async (request, _reply, error) => {
      const answering = underWay.get(request);
      if (answering) noteChange(route, request, answering, problemOf(error).code, options.audit);
    },
    handler: async (request, reply) => {
      const { caller, notes } = underWay.get(request) ?? { caller: ANYONE, notes: [] };
      const context = contextOf(request, reply, caller, notes);
      const sent: Sent = { params: request.params, query: request.query, body: request.body };
      if (route.open) {
        route.open(request.raw, reply.raw, context, sent);
        return reply.hijack();
      }
      const answer = await route.call(context, sent);
      noteChange(route, request, { caller, notes }, "done", options.audit);
      return send(route, request, reply, caller, answer);
    },
  });
}

function contextOf(request: FastifyRequest, reply: FastifyReply, caller: Caller, notes: ChangeNote[]): CallContext {
  return {
    caller,
    address: request.raw.socket.remoteAddress ?? "",
    header: (name) => headerOf(request, name),
    answerHeader: (name, value) => void reply.header(name, value),
    note: (note) => void notes.push(note),
  };
}

function noteChange(
  { change }: ApiRoute,
  request: FastifyRequest,
  { caller, notes }: Answering,
  outcome: "done" | ErrorCode,
  audit: Audit | undefined,
): void {
  if (change === undefined || !audit) return;
  const [path = ""] = request.url.split("?");
  audit.note({ who: caller.name, what: change, target: path, ...Object.assign({}, ...notes), outcome });
}

function send(route: ApiRoute, request: FastifyRequest, reply: FastifyReply, caller: Caller, answer: unknown) {
  const tag = route.tag?.(answer);
  if (tag !== undefined) reply.header("etag", tag);
  reply.header("cache-control", tag === undefined ? "no-store" : "no-cache");
  if (tag !== undefined && matchesTag(headerOf(request, "if-none-match"), tag)) return reply.code(304).send();
  const text = JSON.stringify(answer ?? {});
  const isWhole = route.hasSecrets === true && includesRole(caller.role, "admin");
  return reply.type(JSON_TYPE).send(isWhole ? text : redact(text));
}

function fail(error: unknown, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error);
  const { retryAfter } = errorKind(problem.code);
  if (retryAfter !== undefined) reply.header("retry-after", String(retryAfter));
  if (problem.status === 401) reply.header("www-authenticate", 'Bearer realm="everboot"');
  return reply
    .code(problem.status)
    .type(PROBLEM_TYPE)
    .header("cache-control", "no-store")
    .send(redact(JSON.stringify(problem)));
}

/** A path that is there, asked by another method, is told so (RFC 9110 section 15.5.6). */
function notFound(routes: readonly ApiRoute[], request: FastifyRequest, reply: FastifyReply): EverbootError {
  const [path = ""] = request.url.split("?");
  const methods = routes.filter((route) => patternOf(route).test(path)).map(({ method }) => method);
  if (methods.length === 0) return new EverbootError("call-unknown");
  reply.header("allow", methods.join(", "));
  return new EverbootError("method-refused");
}

function patternOf({ path }: ApiRoute): RegExp {
  return new RegExp(`^${path.replace(/[.]/g, "\\.").replace(/\{\w+\}/g, "[^/]+")}$`);
}
