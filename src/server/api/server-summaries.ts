/** The install servers in short. Pure. */
import type { Members } from "../../cluster/members.ts";
import type { ServerSummary } from "./shapes.ts";

/** A server as this one sees it: `ClusterServer` of server/boot/operations.ts is one. */
interface SeenServer {
  readonly name: string;
  readonly alive: boolean;
  readonly floating?: string;
  readonly heldBy?: string;
  readonly draining?: boolean;
  readonly installs?: number;
  readonly serves?: { readonly revision: string; readonly number?: number };
}

interface SummariesOptions {
  /** Name of this server. */
  readonly self: string;
  /** Of the site; those of a cluster, or this one alone. */
  readonly servers: readonly SeenServer[];
  readonly members: Members;
  /** Of this server, where `members` has nothing of it: bytes a second. */
  readonly rate: number;
}

export function serverSummaries({ self, servers, members, rate }: SummariesOptions): ServerSummary[] {
  return servers.map(({ name, alive, floating, heldBy, draining, installs, serves }) => {
    const told = members.get(name);
    const isSelf = name === self;
    const known = told?.fresh ? { rate: told.rate, queue: told.queue } : isSelf && { rate };
    return {
      ...{ name, alive: alive || isSelf },
      ...(floating !== undefined && { floating }),
      ...(heldBy !== undefined && { heldBy }),
      ...(draining !== undefined && { draining }),
      ...(installs !== undefined && { installs }),
      ...known,
      ...(serves && { serves }),
      ...(isSelf && { self: true }),
    };
  });
}
