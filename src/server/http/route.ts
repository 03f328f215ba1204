/** What answers a request that is not for a file: handlers that return verdicts, and how one is chosen. */
import type { ErrorCode, ErrorDetails } from "../../base/errors.ts";
import type { ServedFile } from "../../content/served-file.ts";
import type { RequestHeaders } from "./conditional.ts";

export interface HttpRequest {
  readonly method: string;
  /** Decoded and without `.` and `..` parts. */
  readonly path: string;
  /** What stood for each `<name>` of the route's pattern. */
  readonly params: Readonly<Record<string, string>>;
  /** Raw, without the `?`. */
  readonly query: string;
  readonly headers: RequestHeaders;
  /** Address of the client. */
  readonly client: string;
  /** At most BODY_LIMIT bytes; a longer one is answered 413 without the handler. */
  readonly body: Uint8Array;
}

/** Law 1: a handler says what to answer; the server sends it. */
export type HttpVerdict =
  /** Made for this one request: it carries `Cache-Control: no-store` and no validators. */
  | {
      readonly kind: "text";
      readonly status: number;
      readonly contentType: string;
      readonly body: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Served with ranges and conditions, as a file that the resolver found. */
  | { readonly kind: "file"; readonly file: ServedFile }
  | {
      readonly kind: "error";
      readonly code: ErrorCode;
      readonly details?: ErrorDetails;
      readonly headers?: Readonly<Record<string, string>>;
    };

export interface Route {
  /** A route for GET gets HEAD too, with `method` HEAD: UEFI HTTP boot asks for the size first. */
  readonly methods: readonly string[];
  /** `/report/<token>/<event>`: a part `<name>` stands for exactly one part, any other for itself. */
  readonly pattern: string;
  handle(request: HttpRequest): Promise<HttpVerdict>;
}

export type Choice =
  | { readonly kind: "route"; readonly route: Route; readonly params: Readonly<Record<string, string>> }
  /** No route has this path: it is the resolver's. */
  | { readonly kind: "files" }
  | { readonly kind: "method-refused"; readonly allow: string };

/** The first route that has path and method. */
export function chooseRoute(routes: readonly Route[], method: string, path: string): Choice {
  const allowed = new Set<string>();
  for (const route of routes) {
    const params = matchPattern(route.pattern, path);
    if (!params) continue;
    const methods = withHead(route.methods);
    if (methods.includes(method)) return { kind: "route", route, params };
    for (const other of methods) allowed.add(other);
  }
  if (allowed.size > 0) return { kind: "method-refused", allow: [...allowed].join(", ") };
  return method === "GET" || method === "HEAD" ? { kind: "files" } : { kind: "method-refused", allow: "GET, HEAD" };
}

function withHead(methods: readonly string[]): readonly string[] {
  return methods.includes("GET") ? [...methods, "HEAD"] : methods;
}

function matchPattern(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split("/");
  const parts = path.split("/");
  if (wanted.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, want] of wanted.entries()) {
    const part = parts[index] ?? "";
    if (want.startsWith("<") && want.endsWith(">") && part !== "") params[want.slice(1, -1)] = part;
    else if (want !== part) return undefined;
  }
  return params;
}
