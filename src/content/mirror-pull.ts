/** Files that are fetched from the upstream when they are first asked for: once each, and given out while they arrive. */
import { type FileHandle, open } from "node:fs/promises";
import { EverbootError } from "../base/errors.ts";
import { contentTypeOf } from "./content-type.ts";
import { diskFile } from "./disk-file.ts";
import { GrowingFile, HELD_BACK } from "./mirror-arrival.ts";
import type { MirrorParts } from "./mirror-deps.ts";
import { digestOf, type ExpectedFile, FileCheck } from "./mirror-store.ts";
import { joinSegments } from "./segments.ts";
import type { Lookup } from "./served-file.ts";
import { RecentKeys } from "./single-flight.ts";
import type { Incoming, Sink } from "./upstream.ts";

export interface Wanted {
  /** Where it is kept: absolute path. */
  readonly place: string;
  readonly expected: ExpectedFile;
  /** Its paths below the upstream, to be asked for in this order. */
  readonly sources: readonly string[];
  /** The path that clients ask for, which tells the content type. */
  readonly name: string;
  /** For Last-Modified, in milliseconds since 1970, when it is not the file's own. */
  readonly modified?: number;
}

/** A file broke off when clients had its beginning: no `lookup` tells of it any more. `name` as in `Wanted`. */
export type OnBreak = (name: string, error: unknown) => void;

type Outcome = "kept" | "absent";

export class PulledFiles {
  private readonly parts: MirrorParts;
  private readonly onBreak: OnBreak;
  private readonly downloads = new Map<string, Download>();
  private readonly absent: RecentKeys;

  constructor(parts: MirrorParts, onBreak: OnBreak) {
    this.parts = parts;
    this.onBreak = onBreak;
    this.absent = new RecentKeys(parts.clock, parts.timing.absence);
  }

  /**
   * Answers as soon as the file's first bytes may be given out. Throws what `Upstream.download` throws, `upstream-mismatch`
   * for a file that is not the expected one, and errors of the disk.
   */
  async lookup(wanted: Wanted): Promise<Lookup> {
    if (await this.parts.store.holds(wanted.place, wanted.expected)) return this.keptFile(wanted);
    const download = this.download(wanted);
    const outcome = (await download?.started) ?? "absent";
    if (outcome === "absent") return { kind: "absent" };
    return outcome === "kept" || download === undefined ? this.keptFile(wanted) : arrivingFile(wanted, download);
  }

  /** Makes sure that it is kept; false = the upstream does not have it. Throws like `lookup`. */
  async whole(wanted: Wanted): Promise<boolean> {
    if (await this.parts.store.holds(wanted.place, wanted.expected)) return true;
    return (await this.download(wanted)?.ended) === "kept";
  }

  async idle(): Promise<void> {
    await Promise.allSettled([...this.downloads.values()].map(({ ended }) => ended));
  }

  /** Undefined: the upstream does not have it, as it said a moment ago. */
  private download(wanted: Wanted): Download | undefined {
    const key = `${wanted.place} ${digestOf(wanted.expected)}`;
    const known = this.downloads.get(key);
    if (known !== undefined || this.absent.has(key)) return known;
    const download = new Download(wanted, this.parts);
    this.downloads.set(key, download);
    download.ended.then(
      (outcome) => {
        this.downloads.delete(key);
        if (outcome === "absent") this.absent.add(key);
      },
      (error: unknown) => {
        this.downloads.delete(key);
        if (download.arrival.hasBegun) this.onBreak(wanted.name, error);
      },
    );
    return download;
  }

  private keptFile({ place, expected, name, modified }: Wanted): Promise<Lookup> {
    this.parts.cache.use(place, expected.size);
    return diskFile(place, { name, sha256: () => digestOf(expected), ...(modified !== undefined && { modified }) });
  }
}

function arrivingFile({ expected, name, modified }: Wanted, download: Download): Lookup {
  const { temp: path, arrival } = download;
  const file = joinSegments([{ kind: "disk", path, offset: 0, length: expected.size, arrival }], {
    modified: modified ?? download.modified,
    contentType: contentTypeOf(name),
    identity: digestOf(expected),
  });
  return { kind: "file", file };
}

class Download {
  /** Where it is while it arrives, and a while longer: who was told of this place may open it then. */
  readonly temp: string;
  readonly arrival: GrowingFile;
  readonly ended: Promise<Outcome>;
  /** Like `ended`, but a large file that is there has started. */
  readonly started: Promise<Outcome | "arriving">;
  /** As the upstream says, in milliseconds since 1970. */
  modified: number;
  private readonly wanted: Wanted;
  private readonly parts: MirrorParts;

  constructor(wanted: Wanted, parts: MirrorParts) {
    this.wanted = wanted;
    this.parts = parts;
    this.modified = parts.clock.now();
    this.temp = parts.store.tempPath();
    this.arrival = new GrowingFile(wanted.expected.size);
    this.ended = this.run();
    const arriving = () => this.arrival.beyond(0).then(() => "arriving" as const);
    this.started = this.isSmall ? this.ended : Promise.race([this.ended, arriving()]);
    // Nobody may be waiting for it.
    this.started.catch(() => undefined);
  }

  /** It is all held back, so that nobody is told of `temp`. */
  private get isSmall(): boolean {
    return this.wanted.expected.size <= HELD_BACK;
  }

  private async run(): Promise<Outcome> {
    const { store, cache } = this.parts;
    const { place, expected } = this.wanted;
    // Who asks when another download has just ended has looked before it did.
    if (await store.holds(place, expected)) return "kept";
    await cache.reserve(expected.size);
    try {
      return await this.fetch();
    } catch (error) {
      await store.remove(this.temp);
      this.arrival.fail(error);
      throw error;
    } finally {
      cache.release(expected.size);
    }
  }

  private async fetch(): Promise<Outcome> {
    const { upstream } = this.parts;
    const file = new Intake(this.wanted, this.temp, this.arrival);
    try {
      for (const source of this.wanted.sources) {
        if ((await upstream.download(source, file)) === "absent") continue;
        this.modified = file.modified ?? this.modified;
        await file.finish(this.modified);
        await this.keep();
        return "kept";
      }
    } finally {
      await file.close();
    }
    return "absent";
  }

  private async keep(): Promise<void> {
    const { store, cache, clock, timing } = this.parts;
    const { place, expected } = this.wanted;
    await store.adopt(this.temp, place, expected);
    cache.use(place, expected.size);
    this.arrival.complete();
    if (this.isSmall) return store.remove(this.temp);
    clock.after(timing.linger, () => {
      store.remove(this.temp).catch((cause: unknown) => this.parts.log.warn({ cause }, "a temporary file stays"));
    });
  }
}

/** Writes a file as it comes, and checks it. */
class Intake implements Sink {
  modified: number | undefined;
  private readonly wanted: Wanted;
  private readonly temp: string;
  private readonly arrival: GrowingFile;
  private readonly check: FileCheck;
  private handle: FileHandle | undefined;

  constructor(wanted: Wanted, temp: string, arrival: GrowingFile) {
    this.wanted = wanted;
    this.temp = temp;
    this.arrival = arrival;
    this.check = new FileCheck(wanted.expected);
  }

  get taken(): number {
    return this.check.size;
  }

  async begin(incoming: Incoming): Promise<void> {
    const modified = Date.parse(incoming.header("last-modified") ?? "");
    if (!Number.isNaN(modified)) this.modified ??= modified;
    this.handle ??= await open(this.temp, "wx", 0o644);
  }

  async take(chunk: Uint8Array): Promise<void> {
    this.check.update(chunk);
    if (this.check.isTooLong) throw this.mismatch(`more than ${this.wanted.expected.size} bytes`);
    await this.handle?.writeFile(chunk);
    this.arrival.grow(this.check.size);
  }

  /** Throws EverbootError `upstream-mismatch` unless it is the expected file; else it is on the disk then. */
  async finish(modified: number): Promise<void> {
    const problem = this.check.finish();
    if (problem !== undefined) throw this.mismatch(problem);
    await this.handle?.utimes(new Date(), new Date(modified));
    await this.handle?.sync();
  }

  async close(): Promise<void> {
    await this.handle?.close();
  }

  private mismatch(what: string): EverbootError {
    return new EverbootError("upstream-mismatch", {}, new Error(`${this.wanted.name}: ${what}`));
  }
}
