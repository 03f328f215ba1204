/** The versions of the trees: who has which, and having them looked at. */
import { z } from "zod";
import { EverbootError } from "../../base/errors.ts";
import type { ApiContext } from "./context.ts";
import type { TreesDesk } from "./operations.ts";
import { type ApiRoute, jsonRoute } from "./route.ts";
import { TREE } from "./shapes.ts";

export function treeRoutes({ operations }: ApiContext): ApiRoute[] {
  const desk = () => treesDesk(operations().trees);
  return [
    jsonRoute({
      method: "GET",
      path: "/api/v1/trees",
      id: "listTrees",
      role: "viewer",
      summary: "the trees with their versions, who has which, and what servers lack",
      answer: z.object({ items: z.array(TREE), notes: z.array(z.string()) }),
      handle: () => desk().list(),
    }),
    jsonRoute({
      method: "GET",
      path: "/api/v1/trees/{tree}/used",
      id: "listUsedVersions",
      role: "viewer",
      summary: "ids of the versions of a tree that running installs read",
      answer: z.object({ versions: z.array(z.string()) }),
      handle: ({ params: { tree = "" } }) => ({ versions: desk().used(tree) }),
    }),
    jsonRoute({
      method: "POST",
      path: "/api/v1/trees/look",
      id: "lookAtTrees",
      role: "operator",
      change: "look at trees",
      summary: "has the server look at its trees now, as after an import there",
      answer: z.object({}),
      handle: () => {
        desk().look();
        return {};
      },
    }),
  ];
}

function treesDesk(given: TreesDesk | undefined): TreesDesk {
  if (!given) throw new EverbootError("call-unknown");
  return given;
}
