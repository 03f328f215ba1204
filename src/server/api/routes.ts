/** All calls of the API, with the one that describes them. */
import { z } from "zod";
import type { ApiContext } from "./context.ts";
import { openApiDocument } from "./openapi.ts";
import { type ApiRoute, jsonRoute } from "./route.ts";
import { accessRoutes } from "./routes-access.ts";
import { eventRoutes } from "./routes-events.ts";
import { hostRoutes } from "./routes-hosts.ts";
import { permitRoutes } from "./routes-permit.ts";
import { siteRoutes } from "./routes-site.ts";
import { treeRoutes } from "./routes-trees.ts";

/** `version` of Everboot. */
export function apiRoutes(context: ApiContext, version: string): readonly ApiRoute[] {
  const routes: ApiRoute[] = [
    ...siteRoutes(context),
    ...treeRoutes(context),
    ...hostRoutes(context),
    ...permitRoutes(context),
    ...eventRoutes(context),
    ...accessRoutes(context),
    jsonRoute({
      method: "GET",
      path: "/api/v1/openapi.json",
      id: "getOpenApi",
      role: "viewer",
      summary: "this API as an OpenAPI 3.1 document",
      answer: z.looseObject({ openapi: z.string() }),
      handle: () => openApiDocument(routes, version),
    }),
  ];
  return routes;
}
