/** Who fetches what: pieces shared out to peers beforehand, and stolen from the slow and the dead. Pure. */
import type { Manifest } from "./manifest.ts";
import { type Piece, pieceKey, piecesOf } from "./replica-pieces.ts";

/** What each peer is asked for, in this order. */
export type FetchPlan = ReadonlyMap<string, readonly Piece[]>;

/** What a request costs beside its bytes, in bytes that could be sent meanwhile: small files are shared out evenly too. */
const REQUEST_COST = 64 << 10;

/**
 * Shares the pieces that are not there out to the peers, all of which have the whole version: runs of neighbouring files, of
 * costs that are even but for the piece at each end. Files that are equal are fetched once.
 * @param have `pieceKey` of the pieces that are there
 * @param peers names, each once
 */
export function planFetch(manifest: Manifest, have: ReadonlySet<string>, peers: readonly string[]): FetchPlan {
  const files = new Map([...manifest.values()].map((file) => [file.sha256, file]));
  const lacking = [...files.values()].flatMap(piecesOf).filter((piece) => !have.has(pieceKey(piece)));
  const total = lacking.reduce((sum, piece) => sum + costOf(piece), 0);
  const plan = new Map(peers.map((peer): [string, Piece[]] => [peer, []]));
  let before = 0;
  for (const piece of lacking) {
    const peer = peers[Math.floor((before / total) * peers.length)];
    if (peer !== undefined) plan.get(peer)?.push(piece);
    before += costOf(piece);
  }
  return plan;
}

function costOf({ length }: Piece): number {
  return length + REQUEST_COST;
}

/** Taken from the front by its peer, and from the back by those who have nothing left to do. */
interface Share {
  readonly pieces: readonly Piece[];
  from: number;
  to: number;
}

interface Flight {
  readonly piece: Piece;
  readonly since: number;
  readonly peers: Set<string>;
}

/** A plan while it is carried out. Times are in milliseconds of any clock. */
export class FetchQueue {
  private readonly shares: ReadonlyMap<string, Share>;
  /** Pieces that came back from a peer: they are no one's own any more. */
  private loose: readonly Piece[] = [];
  /** By key, the oldest first. */
  private readonly flights = new Map<string, Flight>();
  /** By key: the peers that gave wrong bytes. */
  private readonly refused = new Map<string, Set<string>>();
  /** By key. */
  private readonly open: Map<string, Piece>;

  constructor(plan: FetchPlan) {
    this.shares = new Map([...plan].map(([peer, pieces]) => [peer, { pieces, from: 0, to: pieces.length }]));
    this.open = new Map([...plan.values()].flat().map((piece) => [pieceKey(piece), piece]));
  }

  /** Pieces that are not settled. */
  get left(): number {
    return this.open.size;
  }

  /** Is there nothing that this peer could ever do, as it gave wrong bytes for all that is left? */
  isUseless(peer: string): boolean {
    return [...this.open.keys()].every((key) => this.refused.get(key)?.has(peer) ?? false);
  }

  /** What this peer should be asked for now; undefined = all is under way. */
  take(peer: string, now: number): Piece | undefined {
    const piece = this.takeLoose(peer) ?? this.takeOwn(peer) ?? this.steal();
    if (piece) this.flights.set(pieceKey(piece), { piece, since: now, peers: new Set([peer]) });
    return piece;
  }

  /**
   * A piece that one other peer has been asked for since `before` or longer, to be had from this one too: whichever gives
   * it first.
   */
  race(peer: string, before: number): Piece | undefined {
    for (const [key, { piece, since, peers }] of this.flights) {
      if (since > before || peers.size > 1 || peers.has(peer) || this.refused.get(key)?.has(peer)) continue;
      peers.add(peer);
      return piece;
    }
    return undefined;
  }

  /** The piece is here. False: it was already. */
  settle(piece: Piece): boolean {
    const key = pieceKey(piece);
    this.flights.delete(key);
    this.loose = this.loose.filter((other) => pieceKey(other) !== key);
    return this.open.delete(key);
  }

  /** The piece that was settled is not here after all. */
  reopen(piece: Piece): void {
    this.open.set(pieceKey(piece), piece);
    this.loose = [...this.loose, piece];
  }

  /** The peer did not give the piece. */
  giveBack(peer: string, piece: Piece): void {
    const flight = this.flights.get(pieceKey(piece));
    if (!flight?.peers.delete(peer) || flight.peers.size > 0) return;
    this.flights.delete(pieceKey(piece));
    this.loose = [...this.loose, piece];
  }

  /** The peer gave wrong bytes: it is not asked for this piece again. */
  refuse(peer: string, piece: Piece): void {
    const key = pieceKey(piece);
    this.refused.set(key, new Set([...(this.refused.get(key) ?? []), peer]));
    this.giveBack(peer, piece);
  }

  private takeLoose(peer: string): Piece | undefined {
    const piece = this.loose.find((each) => !this.refused.get(pieceKey(each))?.has(peer));
    if (piece) this.loose = this.loose.filter((each) => each !== piece);
    return piece;
  }

  private takeOwn(peer: string): Piece | undefined {
    const share = this.shares.get(peer);
    return share && share.from < share.to ? share.pieces[share.from++] : undefined;
  }

  private steal(): Piece | undefined {
    const [longest] = [...this.shares.values()].sort((a, b) => b.to - b.from - (a.to - a.from));
    return longest && longest.from < longest.to ? longest.pieces[--longest.to] : undefined;
  }
}
