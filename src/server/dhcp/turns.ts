/**
 * Several DHCP servers, one answer: who speaks, and by which address. All servers compute the same answer for a host, so
 * this only decides who is first. Pure but for the count of tries, which it is handed.
 *
 * - All give the floating address of the client's first server as server identifier (option 54), dead or alive: whoever
 *   holds that address hears the client's REQUEST and its renewals.
 * - The first live server of the client's order answers at once. The next one answers when the client asks a second
 *   time, and so on: what a client hears after its next try at the latest (1 to 4 s) does not depend on anybody's noticing
 *   that a server has died.
 * - What is addressed to a floating address is answered by its holder. While nobody holds it, the order decides.
 */
import type { Ipv4, Mac } from "../../base/address.ts";
import type { ClientMessage } from "./request.ts";

/** How things stand with the servers, for one client. */
export interface TurnView {
  /** Names of all servers, first to last, for this client. */
  readonly order: readonly string[];
  /** This server. */
  readonly self: string;
  readonly isAlive: (server: string) => boolean;
  /** Who has this floating address now; undefined = nobody that we know of. */
  readonly holderOf: (address: Ipv4) => string | undefined;
  /** Floating addresses of the site, and the own addresses of its servers. */
  readonly isOurs: (address: Ipv4) => boolean;
}

export interface TurnRequest {
  readonly type: ClientMessage;
  /** Option 54: the server that the client means. */
  readonly serverId?: Ipv4;
}

/** A client that the holder does not answer, though it lives: it may be deaf. */
const HOLDER_PATIENCE = 2;

/** `tries`: how often the client has said the same before. */
export function isOurTurn(request: TurnRequest, tries: number, view: TurnView): boolean {
  const place = view.order.filter((name) => name === view.self || view.isAlive(name)).indexOf(view.self);
  if (place < 0) return false;
  const { serverId, type } = request;
  // What changes nothing for the client is for one server to note.
  if (type === "decline" || type === "release") return place === 0;
  if (serverId === undefined || !view.isOurs(serverId)) return tries >= place;
  const holder = view.holderOf(serverId);
  if (holder === view.self) return true;
  return tries >= (holder !== undefined && view.isAlive(holder) ? place + HOLDER_PATIENCE : place);
}

/** Milliseconds after which a client that asks again begins anew; PXE firmware repeats after 4, 8, 16 and 32 s. */
const FORGET_MS = 65_000;
/** Clients that are remembered; the oldest are forgotten first. */
const MOST_CLIENTS = 20_000;

interface Said {
  readonly what: string;
  readonly count: number;
  readonly at: number;
}

/** Counts how often each client has said the same thing, so that the next server knows when it is to speak. */
export class Tries {
  private readonly said = new Map<Mac, Said>();

  /**
   * How often this client has said `what` before: its message type and the stage it is in, so that the iPXE that a
   * firmware has loaded begins anew.
   */
  count(mac: Mac, what: string, now: number): number {
    const before = this.said.get(mac);
    const again = before !== undefined && before.what === what && now - before.at < FORGET_MS;
    const count = again ? before.count + 1 : 0;
    // Taken out first, so that the map stays in the order of the last words.
    this.said.delete(mac);
    this.said.set(mac, { what, count, at: now });
    if (this.said.size > MOST_CLIENTS) this.forgetOldest();
    return count;
  }

  private forgetOldest(): void {
    const [oldest] = this.said.keys();
    if (oldest !== undefined) this.said.delete(oldest);
  }
}
