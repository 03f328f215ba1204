/** Of an order the servers that have what a client is to be given. Pure. */
import type { Client } from "./policy.ts";
import type { OrderServers } from "./site-orders.ts";

/** The files that a client installs from: of a tree a version, or what lies there. */
export interface Files {
  readonly tree: string;
  readonly version?: string;
}

/** Has the server this version of the tree, whole and checked? */
export type Holds = (server: string, tree: string, version: string | undefined) => boolean;

/**
 * Those that hold the files, dead ones too, in the order given. When none does the order stays as it was: nobody has told
 * anything yet, and whoever is asked says what it lacks.
 */
export function holdingServers<S extends { readonly name: string }>(
  servers: readonly S[],
  { tree, version }: Files,
  holds: Holds,
): readonly S[] {
  const holding = servers.filter(({ name }) => holds(name, tree, version));
  return holding.length > 0 ? holding : servers;
}

/** `filesOf` a client that installs nothing is undefined: its order has all servers. */
export function holdingOrders(
  order: OrderServers,
  filesOf: (client: Client) => Files | undefined,
  holds: Holds,
): OrderServers {
  return (client) => {
    const files = filesOf(client);
    return files ? holdingServers(order(client), files, holds) : order(client);
  };
}
