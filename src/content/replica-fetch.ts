/** Fetches files from several peers at once until all are here. What one peer does not give, the others do. */
import { type Clock, sleep } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Manifest } from "./manifest.ts";
import { type FetchedPiece, PeerTrouble, type TreePeer } from "./replica-peer.ts";
import { isWholeFile, PIECE_BYTES, type Piece, pieceKey, piecesOf } from "./replica-pieces.ts";
import { FetchQueue, planFetch } from "./replica-plan.ts";
import type { Staging } from "./replica-staging.ts";
import { SingleFlight } from "./single-flight.ts";

/** What is fetched, from whom. */
export interface FetchJob {
  readonly tree: string;
  /** Of the version that has these files. */
  readonly id: string;
  readonly manifest: Manifest;
  readonly staging: Staging;
  /** All have this version whole. */
  readonly peers: readonly TreePeer[];
}

export interface FetchOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly timing?: Partial<FetchTiming>;
  /** Told at the begin, after each piece, and when a peer comes or goes. */
  readonly onProgress?: (progress: FetchProgress) => void;
}

/** Of files that are equal only one counts. */
export interface FetchProgress {
  /** Of all files of the job, those that were here before among them. */
  readonly bytes: number;
  readonly done: number;
  /** Peers that are being asked, in the order of the job. */
  readonly from: readonly string[];
}

/** All in milliseconds. */
export interface FetchTiming {
  /** Pauses before a peer that was away is asked again; after the last one it is given up. */
  readonly retries: readonly number[];
  /** How much longer than usual a peer may take for a piece before an idle one is asked for it too. */
  readonly patience: number;
}

const TIMING: FetchTiming = { retries: [500, 1000, 2000, 4000, 8000], patience: 3000 };

/** Requests that a peer gets at a time: while one is written to the disk here, others are on their way. */
const LANES = 4;
/** A peer that sent so many pieces with wrong bytes is asked for nothing more. */
const MOST_WRONG = 3;
/** With a rate that is shared by all requests, some take longer than others. */
const USUAL_SPREAD = 3;

/**
 * True when all files are in the staging folder; false when no peer gives what is left: what has come is kept. Rejects with
 * errors of this server's file system, and when aborted.
 */
export async function fetchFiles(job: FetchJob, options: FetchOptions): Promise<boolean> {
  return new Fetch(job, options).run();
}

type Brought = FetchedPiece | "raced" | PeerTrouble;

class Fetch {
  private readonly job: FetchJob;
  private readonly options: FetchOptions;
  private readonly timing: FetchTiming;
  private readonly queue: FetchQueue;
  private readonly bytes: number;
  private lacking: number;
  private readonly stop = new AbortController();
  private readonly signal: AbortSignal;
  private failure: { readonly error: unknown } | undefined;
  /** By piece: ends the requests for it when one of them has brought it. */
  private readonly requests = new Map<string, AbortController>();
  private readonly cuts = new SingleFlight<readonly string[]>();
  /** By hash of the file: which peer told the hashes of its pieces. */
  private readonly cutBy = new Map<string, TreePeer>();
  /** By peer: pieces with wrong bytes. */
  private readonly wrong = new Map<string, number>();
  private readonly gone = new Set<string>();
  /** By peer: lanes that are not waiting for it to come back. */
  private readonly working = new Map<string, number>();
  private writing = 0;
  /** Of the pieces that came: how many, and how many milliseconds in all. */
  private came = { pieces: 0, ms: 0 };
  private changed = Promise.withResolvers<void>();

  constructor(job: FetchJob, options: FetchOptions) {
    this.job = job;
    this.options = options;
    this.timing = { ...TIMING, ...options.timing };
    const { manifest, peers } = job;
    const have = job.staging.have();
    const names = peers.map(({ name }) => name);
    this.queue = new FetchQueue(planFetch(manifest, have, names));
    const files = new Map([...manifest.values()].map((file) => [file.sha256, file]));
    const pieces = [...files.values()].flatMap(piecesOf);
    this.bytes = bytesOf(pieces);
    this.lacking = bytesOf(pieces.filter((piece) => !have.has(pieceKey(piece))));
    this.signal = AbortSignal.any([options.signal, this.stop.signal]);
  }

  async run(): Promise<boolean> {
    const { peers, staging, manifest } = this.job;
    this.signal.addEventListener("abort", () => this.change());
    this.tell();
    await Promise.all(peers.flatMap((peer) => Array.from({ length: LANES }, () => this.lane(peer))));
    this.options.signal.throwIfAborted();
    if (this.failure) throw this.failure.error;
    const have = staging.have();
    return [...manifest.values()].flatMap(piecesOf).every((piece) => have.has(pieceKey(piece)));
  }

  /** Never rejects: what is wrong with this server ends all lanes. */
  private async lane(peer: TreePeer): Promise<void> {
    this.enter(peer, 1);
    try {
      await this.work(peer);
    } catch (error) {
      if (!this.signal.aborted) this.failure = { error };
      this.stop.abort(new Error("another request has failed"));
    } finally {
      this.enter(peer, -1);
    }
  }

  private async work(peer: TreePeer): Promise<void> {
    let failures = 0;
    while (this.mayHelp(peer)) {
      const outcome = await this.step(peer);
      if (outcome === "came") failures = 0;
      if (outcome !== "away") continue;
      const pause = this.timing.retries[failures++];
      if (pause === undefined) return;
      await this.pause(peer, pause);
    }
  }

  private async step(peer: TreePeer): Promise<"came" | "away" | "nothing"> {
    const piece = this.next(peer);
    if (!piece) {
      await this.waitForChange();
      return "nothing";
    }
    const started = this.options.clock.now();
    const brought = await this.bring(peer, piece);
    if (brought === "raced") return "nothing";
    if (brought instanceof PeerTrouble) {
      this.note(peer, piece, brought);
      return brought.kind === "away" ? "away" : "nothing";
    }
    await this.keep(piece, brought, this.options.clock.now() - started);
    return "came";
  }

  private mayHelp({ name }: TreePeer): boolean {
    this.signal.throwIfAborted();
    if (this.queue.left === 0) return this.writing > 0;
    return !this.gone.has(name) && !this.queue.isUseless(name);
  }

  private next({ name }: TreePeer): Piece | undefined {
    const now = this.options.clock.now();
    const usual = this.came.pieces === 0 ? 0 : this.came.ms / this.came.pieces;
    return this.queue.take(name, now) ?? this.queue.race(name, now - this.timing.patience - USUAL_SPREAD * usual);
  }

  private async bring(peer: TreePeer, piece: Piece): Promise<Brought> {
    const { tree, id } = this.job;
    const key = pieceKey(piece);
    const request = this.requests.get(key) ?? new AbortController();
    this.requests.set(key, request);
    try {
      const hash = isWholeFile(piece) ? piece.sha256 : await this.hashOf(peer, piece);
      const came = await peer.piece(tree, id, piece, AbortSignal.any([this.signal, request.signal]));
      if (came.sha256 === hash) return came;
      return new PeerTrouble("wrong", `${came.sha256} in place of ${hash}`);
    } catch (error) {
      if (request.signal.aborted) return "raced";
      if (error instanceof PeerTrouble) return error;
      throw error;
    }
  }

  /** Of a piece of a file that has several. */
  private async hashOf(peer: TreePeer, { sha256, size, offset }: Piece): Promise<string | undefined> {
    const known = await this.job.staging.cut(sha256);
    const cut = known ?? (await this.cuts.run(`${peer.name} ${sha256}`, () => this.fetchCut(peer, { sha256, size })));
    return cut[offset / PIECE_BYTES];
  }

  private async fetchCut(peer: TreePeer, file: Pick<Piece, "sha256" | "size">): Promise<readonly string[]> {
    const { tree, id, staging } = this.job;
    const cut = await peer.cut(tree, id, file.sha256, this.signal);
    if (cut.length !== piecesOf(file).length) throw new PeerTrouble("wrong", `${cut.length} pieces of ${file.sha256}`);
    const known = await staging.cut(file.sha256);
    if (known) return known;
    this.cutBy.set(file.sha256, peer);
    await staging.keepCut(file.sha256, cut);
    return cut;
  }

  private async keep(piece: Piece, came: FetchedPiece, ms: number): Promise<void> {
    if (!this.queue.settle(piece)) return;
    this.came = { pieces: this.came.pieces + 1, ms: this.came.ms + ms };
    this.requests.get(pieceKey(piece))?.abort(new Error("it came from another server"));
    this.requests.delete(pieceKey(piece));
    this.writing += 1;
    try {
      const outcome = await this.job.staging.put(piece, came);
      this.lacking -= piece.length;
      if (outcome === "rotten") this.anew(piece);
    } finally {
      this.writing -= 1;
      this.change();
    }
    this.tell();
  }

  /** The pieces' hashes were those of another file: whoever told them is not asked again. */
  private anew(piece: Piece): void {
    const teller = this.cutBy.get(piece.sha256);
    if (teller) this.blame(teller, piece, new PeerTrouble("wrong", `hashes of pieces of ${piece.sha256}`));
    if (teller) this.gone.add(teller.name);
    for (const each of piecesOf(piece)) {
      this.queue.reopen(each);
      this.lacking += each.length;
    }
  }

  private note(peer: TreePeer, piece: Piece, trouble: PeerTrouble): void {
    if (trouble.kind === "wrong") {
      this.queue.refuse(peer.name, piece);
      this.blame(peer, piece, trouble);
    } else {
      this.queue.giveBack(peer.name, piece);
      if (trouble.kind !== "away") this.gone.add(peer.name);
      logTrouble(this.options.log, peer, this.job, trouble);
    }
    this.change();
  }

  private blame(peer: TreePeer, { sha256 }: Piece, cause: PeerTrouble): void {
    const { tree, id: version, manifest } = this.job;
    const [path = sha256] = [...manifest].find(([, file]) => file.sha256 === sha256) ?? [];
    this.options.log.warn({ cause }, errorText("tree-peer-wrong", { server: peer.name, tree, version, path }));
    const count = (this.wrong.get(peer.name) ?? 0) + 1;
    this.wrong.set(peer.name, count);
    if (count >= MOST_WRONG) this.gone.add(peer.name);
    // It reads the whole file for that, finds out for itself, and has it repaired.
    peer.cut(tree, version, sha256, this.options.signal).catch(() => undefined);
  }

  private async pause(peer: TreePeer, ms: number): Promise<void> {
    this.enter(peer, -1);
    try {
      await sleep(this.options.clock, ms, this.signal);
    } finally {
      this.enter(peer, 1);
    }
  }

  private enter({ name }: TreePeer, lanes: 1 | -1): void {
    this.working.set(name, (this.working.get(name) ?? 0) + lanes);
    this.tell();
  }

  private tell(): void {
    const from = this.job.peers.map(({ name }) => name).filter((name) => (this.working.get(name) ?? 0) > 0);
    this.options.onProgress?.({ bytes: this.bytes, done: this.bytes - this.lacking, from });
  }

  /** Until something has changed, or an idle peer may be asked for what another one is slow to give. */
  private async waitForChange(): Promise<void> {
    const timer = this.options.clock.after(this.timing.patience, () => this.change());
    await this.changed.promise;
    timer.cancel();
  }

  private change(): void {
    if (this.queue.left === 0 && this.writing === 0) this.stop.abort(new Error("all is here"));
    this.changed.resolve();
    this.changed = Promise.withResolvers();
  }
}

/** What a peer answered in place of what it was asked for. */
export function logTrouble(
  log: Log,
  { name: server }: TreePeer,
  { tree, id: version }: Pick<FetchJob, "tree" | "id">,
  trouble: PeerTrouble,
): void {
  if (trouble.kind === "refused") log.warn({ cause: trouble }, errorText("tree-peer-refused", { server }));
  else log.debug({ cause: trouble }, errorText("tree-peer-silent", { server, tree, version }));
}

function bytesOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}
