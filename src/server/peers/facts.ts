/** What is new in an account of the transfers under way. */
import type { Peer } from "../../net/datagram.ts";
import type { PeerFacts } from "../../wire/peer-message.ts";

/** By its two ends, as no other of its protocol has them at the same time. */
export function transferKey({ server, client }: { readonly server: Peer; readonly client: Peer }): string {
  return `${server.address}:${server.port} ${client.address}:${client.port}`;
}

export interface FactKeys {
  readonly sessions: ReadonlySet<string>;
  readonly connections: ReadonlySet<string>;
}

export const NO_FACTS: FactKeys = { sessions: new Set(), connections: new Set() };

export function keysOf({ sessions, connections }: PeerFacts): FactKeys {
  return { sessions: new Set(sessions.map(transferKey)), connections: new Set(connections.map(transferKey)) };
}

/** The facts that are not among those known; that a known one has changed does not count. */
export function newFacts({ sessions, connections }: PeerFacts, known: FactKeys): PeerFacts {
  return {
    sessions: sessions.filter((session) => !known.sessions.has(transferKey(session))),
    connections: connections.filter((connection) => !known.connections.has(transferKey(connection))),
  };
}
