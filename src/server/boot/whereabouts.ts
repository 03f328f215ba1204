/** Where a version of a tree is to be had, when a server is asked for it that may lack it. */
import type { Holds } from "../../balance/holding-orders.ts";
import type { Elsewhere, Lookup } from "../../content/served-file.ts";
import type { Server, Tree } from "../../site/model.ts";
import { baseUrl, type ServerView } from "../../site/server-view.ts";

export type Place =
  | { readonly kind: "here" }
  /** At another server, which lives. */
  | { readonly kind: "elsewhere"; readonly server: Server }
  /** At no server that lives. */
  | { readonly kind: "nowhere" };

/** How things stand with one version, as this server sees them. */
export interface VersionFacts {
  /** There is a folder of this version here. */
  readonly isHere: boolean;
  /** It is here whole, and not known to be damaged. */
  readonly isSound: boolean;
  /** The first other server that lives and holds it. */
  readonly other: Server | undefined;
}

/** Pure. What is here and damaged is better had elsewhere, and better than nothing. */
export function placeOf({ isHere, isSound, other }: VersionFacts): Place {
  if (isHere && isSound) return { kind: "here" };
  if (other) return { kind: "elsewhere", server: other };
  return { kind: isHere ? "here" : "nowhere" };
}

export interface WhereaboutsOptions {
  /** This server's name. */
  readonly self: string;
  /** All servers, those first to which this client is sent first. */
  readonly serversFor: (client: string) => readonly Server[];
  readonly isAlive: (server: string) => boolean;
  readonly holds: Holds;
  /** Is there a folder of this version here? */
  readonly isHere: (tree: Tree, version: string) => Promise<boolean>;
  /** Does an install read it that may still run? */
  readonly isInUse: (tree: Tree, version: string) => boolean;
  /** How a client reaches another server now, and not its heir. */
  readonly viewOf: (server: Server) => ServerView;
}

export interface Whereabouts {
  /** `client`: address of who is to have it. Trees and mirrors that are served as they lie are here. */
  find(tree: Tree, version: string | undefined, client: string): Promise<Place>;
  /** What a client is answered for a file of the version that was not found here (law 3). */
  answer(tree: Tree, version: string | undefined, client: string): Promise<Lookup | Elsewhere>;
}

export function createWhereabouts(options: WhereaboutsOptions): Whereabouts {
  const { self, serversFor, isAlive, holds, isHere, isInUse, viewOf } = options;
  const find = async (tree: Tree, version: string | undefined, client: string): Promise<Place> => {
    if (version === undefined || tree.upstream !== undefined) return { kind: "here" };
    const has = (server: string) => holds(server, tree.name, version);
    const other = serversFor(client).find(({ name }) => name !== self && isAlive(name) && has(name));
    return placeOf({ isHere: await isHere(tree, version), isSound: has(self), other });
  };
  return {
    find,
    answer: async (tree, version, client) => {
      const place = await find(tree, version, client);
      if (place.kind === "elsewhere") return { kind: "elsewhere", at: baseUrl(viewOf(place.server)) };
      if (place.kind === "here" || version === undefined || !isInUse(tree, version)) return { kind: "absent" };
      return { kind: "broken", code: "version-away", details: { tree: tree.name, version } };
    },
  };
}
