/**
 * Machines that are switched on together ask for the same loader: they read one open file, and what one of them has read
 * from the disk the others need not read again.
 */
import type { ServedFile } from "../../content/served-file.ts";
import { type Body, type Mode, openBody } from "./body.ts";

/** Pieces of 64 KiB that are kept of each file that is being read: all of a loader, a part of an initrd. */
const PIECES = 16;

interface Shared {
  readonly body: Promise<Body>;
  readonly pieces: Map<string, Promise<Uint8Array>>;
  readers: number;
}

export class SharedBodies {
  /** By mode and tag: equal tags are equal bytes. */
  private readonly open = new Map<string, Shared>();

  /** As `openBody`; the file is closed with the last of its readers. */
  async take(file: ServedFile, mode: Mode): Promise<Body> {
    const key = `${mode} ${file.etag}`;
    const shared = this.open.get(key) ?? this.openAnew(key, file, mode);
    shared.readers += 1;
    try {
      const { size } = await shared.body;
      return {
        size,
        read: (offset, length) => readPiece(shared, offset, length),
        close: once(() => this.release(key, shared)),
      };
    } catch (error) {
      await this.release(key, shared);
      throw error;
    }
  }

  private openAnew(key: string, file: ServedFile, mode: Mode): Shared {
    const shared: Shared = { body: openBody(file, mode), pieces: new Map(), readers: 0 };
    this.open.set(key, shared);
    return shared;
  }

  private async release(key: string, shared: Shared): Promise<void> {
    shared.readers -= 1;
    if (shared.readers > 0) return;
    this.open.delete(key);
    const body = await shared.body.catch(() => undefined);
    await body?.close();
  }
}

async function readPiece({ body, pieces }: Shared, offset: number, length: number): Promise<Uint8Array> {
  const key = `${offset} ${length}`;
  const known = pieces.get(key);
  if (known !== undefined) return known;
  const piece = body.then((opened) => opened.read(offset, length));
  pieces.set(key, piece);
  const [oldest] = pieces.keys();
  if (pieces.size > PIECES && oldest !== undefined) pieces.delete(oldest);
  // The disk may be well at the next try.
  piece.catch(() => pieces.delete(key));
  return piece;
}

function once(task: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= task();
    return done;
  };
}
