/** Asks another server of the site for versions of trees, over HTTP (`server/trees/routes.ts` answers). */
import { createHash } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { type CutFile, isWholeFile, type Piece } from "./replica-pieces.ts";
import type { Throttle } from "./replica-throttle.ts";
import { sealTicket } from "./replica-ticket.ts";

/** A version that a peer has whole. */
export interface OfferedVersion {
  readonly id: string;
  readonly files: number;
  readonly bytes: number;
}

/** What came of a file, and when the file was last written there, in milliseconds since 1970. */
export interface FetchedPiece {
  readonly bytes: Uint8Array;
  /** Of these bytes, as they came. */
  readonly sha256: string;
  readonly modified: number;
}

/** All reject with PeerTrouble. Nothing that comes is checked here but how long it is. */
export interface TreePeer {
  /** The server's name in the site file. */
  readonly name: string;
  versions(tree: string, signal: AbortSignal): Promise<readonly OfferedVersion[]>;
  /** Its text. */
  manifest(tree: string, id: string, signal: AbortSignal): Promise<string>;
  /** The hashes of a file's pieces, from a peer that has just read the whole file and found its hash to be right. */
  cut(tree: string, id: string, sha256: string, signal: AbortSignal): Promise<CutFile["pieces"]>;
  piece(tree: string, id: string, piece: Piece, signal: AbortSignal): Promise<FetchedPiece>;
}

/**
 * - `away`: no answer, a broken one, or an outage there: worth trying again
 * - `refused`: not taken for a server of the site: other key, or clocks that differ
 * - `absent`: it has no such version any more
 * - `wrong`: it sent something else than was asked for
 */
export type PeerTroubleKind = "away" | "refused" | "absent" | "wrong";

export class PeerTrouble extends Error {
  readonly kind: PeerTroubleKind;
  constructor(kind: PeerTroubleKind, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "PeerTrouble";
    this.kind = kind;
  }
}

/** Where peers answer; `<...>` as in a Route's pattern. */
export const TREE_PATHS = {
  versions: "/.everboot/trees/<tree>",
  manifest: "/.everboot/trees/<tree>/<id>/manifest",
  cut: "/.everboot/trees/<tree>/<id>/pieces/<sha256>",
  file: "/.everboot/trees/<tree>/<id>/files/<sha256>",
} as const;

export interface HttpPeerOptions {
  readonly name: string;
  /** `http://192.168.0.12:80` */
  readonly url: string;
  /** This server's name. */
  readonly self: string;
  /** The site's. */
  readonly key: Uint8Array;
  /** For the bytes of files. */
  readonly throttle: Throttle;
  readonly clock: Clock;
  /** Milliseconds without a byte after which the peer counts as away. */
  readonly idleMs?: number;
}

const IDLE_MS = 10_000;
/** A peer reads an image from a slow disk before it answers with the hashes of its pieces. */
const CUT_MS = 300_000;
/** A manifest of 300,000 files. */
const MOST_TEXT = 64 << 20;

export function createHttpPeer(options: HttpPeerOptions): TreePeer {
  const { idleMs = IDLE_MS } = options;
  const text = (pattern: string, params: Params, signal: AbortSignal, patience: number) =>
    ask(options, { pattern, params, signal, patience }, async (response, watchdog) =>
      (await collect(response, MOST_TEXT, watchdog)).toString("utf8"),
    );
  return {
    name: options.name,
    versions: async (tree, signal) => parseVersions(await text(TREE_PATHS.versions, { tree }, signal, idleMs)),
    manifest: (tree, id, signal) => text(TREE_PATHS.manifest, { tree, id }, signal, idleMs),
    cut: async (tree, id, sha256, signal) => {
      const patience = Math.max(idleMs, CUT_MS);
      return (await text(TREE_PATHS.cut, { tree, id, sha256 }, signal, patience)).trimEnd().split("\n");
    },
    piece: (tree, id, piece, signal) => {
      const asking = { pattern: TREE_PATHS.file, params: { tree, id, sha256: piece.sha256 }, signal };
      return ask(options, { ...asking, patience: idleMs, headers: rangeOf(piece) }, (response, watchdog) =>
        takePiece(response, piece, options.throttle, watchdog),
      );
    },
  };
}

type Params = Readonly<Record<string, string>>;

interface Asking {
  readonly pattern: string;
  readonly params: Params;
  readonly signal: AbortSignal;
  /** Milliseconds without a byte. */
  readonly patience: number;
  readonly headers?: Params;
}

async function ask<T>(
  { self, key, clock, url }: HttpPeerOptions,
  { pattern, params, signal, patience, headers }: Asking,
  receive: (response: Response, watchdog: Watchdog) => Promise<T>,
): Promise<T> {
  const path = fill(pattern, params);
  const authorization = sealTicket({ server: self, time: clock.now(), path }, key);
  const watchdog = new Watchdog(clock, patience, signal);
  try {
    const target = `${url}${path.split("/").map(encodeURIComponent).join("/")}`;
    const init = { headers: { "accept-encoding": "identity", ...headers, authorization }, signal: watchdog.signal };
    const response = await fetch(target, init);
    const trouble = troubleOfStatus(response.status);
    if (trouble) throw new PeerTrouble(trouble, `${target}: status ${response.status}`);
    return await receive(response, watchdog);
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof PeerTrouble ? error : new PeerTrouble("away", `${url}${path}: no whole answer`, error);
  } finally {
    watchdog.end();
  }
}

function fill(pattern: string, params: Params): string {
  return pattern.replace(/<(\w+)>/g, (_, name: string) => params[name] ?? "");
}

function troubleOfStatus(status: number): PeerTroubleKind | undefined {
  if (status === 200 || status === 206) return undefined;
  if (status === 404) return "absent";
  // 500: its copy is damaged. Asked again it has nothing better.
  if (status === 416 || status === 500) return "wrong";
  return status === 403 ? "refused" : "away";
}

function rangeOf(piece: Piece): Params {
  if (isWholeFile(piece)) return {};
  return { range: `bytes=${piece.offset}-${piece.offset + piece.length - 1}` };
}

async function takePiece(
  response: Response,
  piece: Piece,
  throttle: Throttle,
  watchdog: Watchdog,
): Promise<FetchedPiece> {
  if ((response.status === 200) !== isWholeFile(piece)) {
    throw new PeerTrouble("wrong", `${response.url}: status ${response.status}`);
  }
  const hash = createHash("sha256");
  const bytes = await collect(response, piece.length, watchdog, async (chunk) => {
    hash.update(chunk);
    await throttle.take(chunk.length, watchdog.signal);
  });
  if (bytes.length !== piece.length) throw new PeerTrouble("wrong", `${response.url}: ${bytes.length} bytes`);
  const modified = Date.parse(response.headers.get("last-modified") ?? "");
  if (Number.isNaN(modified)) throw new PeerTrouble("wrong", `${response.url}: no Last-Modified`);
  return { bytes, sha256: hash.digest("hex"), modified };
}

/** The body, of no more than `most` bytes; the next part is read when `each` is done with the one before. */
async function collect(
  response: Response,
  most: number,
  watchdog: Watchdog,
  each: (chunk: Uint8Array) => Promise<void> = async () => undefined,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > most) throw new PeerTrouble("wrong", `${response.url}: more than ${most} bytes`);
    chunks.push(chunk);
    watchdog.rest();
    await each(chunk);
    watchdog.feed();
  }
  return Buffer.concat(chunks, size);
}

function parseVersions(text: string): readonly OfferedVersion[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new PeerTrouble("wrong", "no list of versions", error);
  }
  if (!Array.isArray(value) || !value.every(isOffered)) throw new PeerTrouble("wrong", "no list of versions");
  return value;
}

function isOffered(value: unknown): value is OfferedVersion {
  if (typeof value !== "object" || value === null) return false;
  const { id, files, bytes }: Partial<Record<keyof OfferedVersion, unknown>> = value;
  return typeof id === "string" && typeof files === "number" && typeof bytes === "number";
}

/** Aborts when nothing came for too long; time in which nothing is wanted does not count. */
class Watchdog {
  readonly signal: AbortSignal;
  private readonly clock: Clock;
  private readonly patience: number;
  private readonly controller = new AbortController();
  private timer: { cancel(): void } | undefined;

  constructor(clock: Clock, patience: number, signal: AbortSignal) {
    this.clock = clock;
    this.patience = patience;
    this.signal = AbortSignal.any([this.controller.signal, signal]);
    this.feed();
  }

  feed(): void {
    this.rest();
    const silence = new Error(`no byte for ${this.patience} ms`);
    this.timer = this.clock.after(this.patience, () => this.controller.abort(silence));
  }

  rest(): void {
    this.timer?.cancel();
  }

  /** Also drops the connection of a body that was not read to its end. */
  end(): void {
    this.rest();
    this.controller.abort();
  }
}
