/** What the peers have told of their transfers, a page for each life of a peer. A dead peer's page stays for its heirs. */
import type { Ipv4 } from "../../base/address.ts";
import type { Peer } from "../../net/datagram.ts";
import type { PeerMessage, TcpConnection, TftpSession } from "../../wire/peer-message.ts";
import type { Endpoint } from "../../wire/tcp-segment.ts";
import { transferKey } from "./facts.ts";

/** A fact that this many full accounts in a row leave out is over; one account may be lost. */
const ROUNDS_KEPT = 2;
/** Milliseconds that a silent peer's page is kept: PXELINUX, the most patient client, gives up after 131 s. */
const PAGE_KEPT_MS = 150_000;

interface Told<T> {
  readonly fact: T;
  readonly round: number;
}

interface Page {
  heardAt: number;
  readonly sessions: Map<string, Told<TftpSession>>;
  readonly connections: Map<string, Told<TcpConnection>>;
}

/** A session, and when its server was last heard. */
export interface PostedSession {
  readonly session: TftpSession;
  readonly heardAt: number;
}

export class PeerBoard {
  /** By name and epoch. */
  private readonly pages = new Map<string, Page>();
  /** Of addresses that have come here: whoever gave one up no longer tells of its sessions, and their clients may be slow. */
  private readonly inherited = new Map<string, PostedSession>();

  /**
   * @param message authentic, and later than those before it of the same sender
   * @param now in milliseconds, as every time here, of any clock that only goes on
   * @returns the connections that were not known
   */
  hear(message: PeerMessage, now: number): TcpConnection[] {
    const page = this.pageOf(message);
    page.heardAt = now;
    const { round } = message;
    const news = message.connections.filter((fact) => !page.connections.has(transferKey(fact)));
    for (const fact of message.sessions) page.sessions.set(transferKey(fact), { fact, round });
    for (const fact of message.connections) page.connections.set(transferKey(fact), { fact, round });
    forgetEnded(page.sessions, round);
    forgetEnded(page.connections, round);
    return news;
  }

  /** Takes down the pages of peers that have been silent for long. */
  prune(now: number): void {
    for (const kept of [this.pages, this.inherited])
      for (const [key, { heardAt }] of kept) if (now - heardAt > PAGE_KEPT_MS) kept.delete(key);
  }

  /** Of several peers that tell of it, the one heard last has it. */
  session(server: Endpoint, client: Peer): PostedSession | undefined {
    const key = transferKey({ server, client });
    const posted = [...this.pages.values()].flatMap(({ sessions, heardAt }) => {
      const told = sessions.get(key);
      return told ? [{ session: told.fact, heardAt }] : [];
    });
    const inherited = this.inherited.get(key);
    return [...posted, ...(inherited ? [inherited] : [])].sort((a, b) => b.heardAt - a.heardAt)[0];
  }

  /** The address has come to this server, with all sessions that are told of now. */
  inherit(address: Ipv4): void {
    for (const { sessions, heardAt } of this.pages.values())
      for (const [key, { fact }] of sessions)
        if (fact.server.address === address) this.inherited.set(key, { session: fact, heardAt });
  }

  /** This server has a transfer of these two ends now: what was told of an earlier one is over. */
  taken(ends: { readonly server: Endpoint; readonly client: Peer }): void {
    const key = transferKey(ends);
    this.inherited.delete(key);
    for (const { sessions } of this.pages.values()) sessions.delete(key);
  }

  /** Connections of all peers to this address. */
  connectionsTo(address: Ipv4): TcpConnection[] {
    const told = [...this.pages.values()].flatMap(({ connections }) => [...connections]);
    return [...new Map(told).values()].map(({ fact }) => fact).filter(({ server }) => server.address === address);
  }

  /** A peer that has started anew knows nothing of its earlier transfers; others may still have to go on with them. */
  private pageOf({ sender, epoch }: PeerMessage): Page {
    const key = `${sender} ${epoch}`;
    const page = this.pages.get(key) ?? { heardAt: 0, sessions: new Map(), connections: new Map() };
    this.pages.set(key, page);
    return page;
  }
}

function forgetEnded<T>(facts: Map<string, Told<T>>, round: number): void {
  for (const [key, told] of facts) if (told.round < round - ROUNDS_KEPT) facts.delete(key);
}
