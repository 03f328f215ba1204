/**
 * A call of the API, defined once: its place, who may call it, what it takes and answers, and what it does. From these
 * come the routes of both doors (app.ts), the OpenAPI document (openapi.ts) and docs/api.md.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";
import { EverbootError } from "../../base/errors.ts";
import type { Role } from "../../cluster/tokens.ts";

/** Who calls. */
export interface Caller {
  /** A token's name, or `control socket`. */
  readonly name: string;
  readonly role: Role;
  readonly by: "socket" | "token" | "session";
}

/** What a call does to the audit log beside its route's own words. */
export interface ChangeNote {
  readonly target?: string;
  readonly before?: string;
  readonly after?: string;
}

/** Of one request. */
export interface CallContext {
  readonly caller: Caller;
  /** IP address; empty at the control socket. */
  readonly address: string;
  /** By lower-case name. */
  header(name: string): string | undefined;
  /** Sets a header of the answer. */
  answerHeader(name: string, value: string): void;
  /** Adds to the row of the audit log. */
  note(note: ChangeNote): void;
}

export interface Call<P, Q, B> extends CallContext {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
}

interface RouteFacts {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Parts in braces are its parameters: `/api/v1/hosts/{host}`. */
  readonly path: string;
  /** `operationId` of the OpenAPI document. */
  readonly id: string;
  /** One line. */
  readonly summary: string;
  /** The least role that may call it. */
  readonly role: Role | "anyone";
  /** Its answers hold what others must not see: to an admin they go as they are, to others without secrets. */
  readonly hasSecrets?: boolean;
  /** It changes something: the word for it in the audit log. */
  readonly change?: string;
  /** Bytes of the body, default 64 KiB. */
  readonly bodyLimit?: number;
  /** Headers that it reads, with what they say. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Entity tag of its answer, with quotes (RFC 9110 section 8.8.3): `If-None-Match` is then heeded. */
  readonly tag?: (answer: unknown) => string;
}

interface RouteShapes<P, Q, B> {
  /** Left out: the texts that the path names. */
  readonly params?: z.ZodType<P>;
  readonly query?: z.ZodType<Q>;
  readonly body?: z.ZodType<B>;
}

/** What a route takes: schemas, for the OpenAPI document. */
export interface ApiRoute extends RouteFacts {
  readonly params: z.ZodType;
  readonly query: z.ZodType;
  readonly body?: z.ZodType;
  readonly answer: z.ZodType | "stream";
  /** Checks what was sent and does it. Rejects with an EverbootError; `usage` for what does not fit. */
  call(context: CallContext, sent: Sent): Promise<unknown>;
  /** For `stream`: takes the answer over. */
  open?(request: IncomingMessage, response: ServerResponse, context: CallContext, sent: Sent): void;
}

/** As it came. */
export interface Sent {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

export interface JsonRouteSpec<P, Q, B> extends RouteFacts, RouteShapes<P, Q, B> {
  readonly answer: z.ZodType;
  handle(call: Call<P, Q, B>): unknown;
}

const NO_QUERY = z.strictObject({});

export function jsonRoute<P = Record<string, string>, Q = object, B = undefined>(
  spec: JsonRouteSpec<P, Q, B>,
): ApiRoute {
  const { params = paramsOf(spec.path), query = NO_QUERY, handle, ...rest } = spec;
  return {
    ...rest,
    ...{ params, query },
    call: async (context, sent) =>
      handle({ ...context, ...parseSent<P, Q, B>({ params, query, body: spec.body }, sent) }),
  };
}

export interface StreamRouteSpec<Q> extends RouteFacts {
  readonly query?: z.ZodType<Q>;
  open(request: IncomingMessage, response: ServerResponse, call: Call<unknown, Q, undefined>): void;
}

/** Server-sent events. */
export function streamRoute<Q = object>(spec: StreamRouteSpec<Q>): ApiRoute {
  const { query = NO_QUERY, open, ...rest } = spec;
  const params = paramsOf(spec.path);
  return {
    ...rest,
    ...{ params, query, answer: "stream" },
    call: async () => undefined,
    open: (request, response, context, sent) =>
      open(request, response, { ...context, ...parseSent<unknown, Q, undefined>({ params, query }, sent) }),
  };
}

interface SentSchemas {
  readonly params: z.ZodType;
  readonly query: z.ZodType;
  readonly body?: z.ZodType | undefined;
}

/** The schemas put out what the types say. */
function parseSent<P, Q, B>(schemas: SentSchemas, sent: Sent): { params: P; query: Q; body: B } {
  return {
    params: parse(schemas.params, sent.params) as P,
    query: parse(schemas.query, sent.query) as Q,
    body: (schemas.body ? parse(schemas.body, sent.body ?? {}) : undefined) as B,
  };
}

function parse(schema: z.ZodType, value: unknown): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new EverbootError("usage", { what: z.prettifyError(result.error).split("\n").join(" ") });
}

/** Names in the path's braces. */
export function pathParams(path: string): string[] {
  return Array.from(path.matchAll(/\{(\w+)\}/g), ([, name = ""]) => name);
}

function paramsOf(path: string): z.ZodType {
  return z.strictObject(Object.fromEntries(pathParams(path).map((name) => [name, z.string()])));
}

/** How a page of a list is asked for. */
export const PAGE_QUERY = {
  limit: z.coerce.number().int().min(1).max(1000).default(100).describe("Items of a page."),
  after: z.string().max(300).exactOptional().describe("`next` of the page before."),
};
