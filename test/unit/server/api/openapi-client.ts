/** A client made from nothing but an OpenAPI document. */
import type { OpenApi } from "../../../../src/server/api/openapi.ts";
import type { Answer } from "./api-rack.ts";

export interface GetCall {
  readonly path: string;
  readonly isStream: boolean;
  /** Values of the path's parameters. */
  get(values: Readonly<Record<string, string>>): Promise<Answer>;
}

export function clientOf(document: OpenApi, send: (method: string, path: string) => Promise<Answer>) {
  const gets = new Map<string, GetCall>();
  for (const [path, { get }] of Object.entries(document.paths)) {
    if (!get) continue;
    const { content } = get.responses["200"] as { readonly content: Readonly<Record<string, unknown>> };
    gets.set(get.operationId, {
      ...{ path, isStream: "text/event-stream" in content },
      get: (values) => {
        const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
        return send("GET", filled);
      },
    });
  }
  return { gets };
}
