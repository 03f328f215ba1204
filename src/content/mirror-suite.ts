/** One suite of a pull-through mirror: its signed states, of which clients see one at a time. */
import { dirname, join } from "node:path";
import { sleep } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";
import type { FileHash, Release } from "./apt-index.ts";
import { diskFile } from "./disk-file.ts";
import { hashFile } from "./durable.ts";
import type { MirrorParts } from "./mirror-deps.ts";
import { SuiteIndices } from "./mirror-index.ts";
import {
  type Conditions,
  fetchRelease,
  type KnownRelease,
  readSignedRelease,
  SIGNED_NAMES,
  type SignedRelease,
} from "./mirror-release.ts";
import { namesIn } from "./mirror-store.ts";
import type { Lookup } from "./served-file.ts";
import { RecentKeys, SingleFlight } from "./single-flight.ts";

/** Installs that began before an update go on with the state they began with. */
const STATES_KEPT = 3;

interface State {
  /** Sorts by the time it was taken. */
  readonly name: string;
  readonly folder: string;
  readonly release: Release;
  /** Has all the signed files that the upstream has. */
  readonly complete: boolean;
}

export class MirrorSuite {
  private readonly suite: string;
  private readonly parts: MirrorParts;
  private readonly indices: SuiteIndices;
  private readonly refreshing = new SingleFlight<void>();
  private readonly absent: RecentKeys;
  /** Newest first; the first is the one that clients see. */
  private states: readonly State[] = [];
  private conditions: Conditions | undefined;
  private nextCheck = 0;

  constructor(suite: string, parts: MirrorParts) {
    this.suite = suite;
    this.parts = parts;
    this.indices = new SuiteIndices(suite, parts);
    this.absent = new RecentKeys(parts.clock, parts.timing.absence);
  }

  /** Finds what an earlier process kept. A state whose signature no longer holds is left alone and not used. */
  async load(): Promise<void> {
    const states: State[] = [];
    for (const name of (await namesIn(this.releasesFolder())).reverse()) {
      const folder = join(this.releasesFolder(), name);
      try {
        const { release, detached } = await readSignedRelease(folder, this.suite, this.parts.keyring);
        states.push({ name, folder, release, complete: detached === "valid" });
      } catch (error) {
        this.parts.log.warn({ suite: this.suite, state: name, cause: error }, "a kept Release file is not used");
      }
    }
    this.states = states;
  }

  /** A file below `dists/<suite>/`. Throws EverbootError `upstream-unavailable` or `upstream-mismatch`. */
  async lookup(path: string): Promise<Lookup> {
    if (SIGNED_NAMES.some((name) => name === path)) return this.signedFile(path);
    await this.needState();
    const listed = this.listed(path);
    if (listed === undefined) return { kind: this.states.length === 0 ? "absent" : "refused" };
    const place = await this.indices.file(listed.release, listed.path, listed.hash).catch((error: unknown) => {
      // Most likely the upstream has moved on: look at its Release file before the next answer.
      if (error instanceof EverbootError && error.code === "upstream-mismatch") this.nextCheck = 0;
      throw error;
    });
    if (place === undefined) return { kind: "absent" };
    return this.serve(place, path, listed.hash.sha256, listed.release);
  }

  /** Is there a state that clients have seen? */
  get known(): boolean {
    return this.states.length > 0;
  }

  /** What the signed indices say of a package file. An older state speaks for it when the newest does not. */
  async find(poolPath: string): Promise<FileHash | undefined> {
    await this.needState();
    for (const { release } of this.states) {
      const hash = await this.indices.find(release, poolPath);
      if (hash !== undefined) return hash;
    }
    return undefined;
  }

  idle(): Promise<void> {
    return this.refreshing.idle();
  }

  private async signedFile(name: string): Promise<Lookup> {
    await this.freshState();
    const state = this.states[0];
    if (state === undefined) return { kind: "absent" };
    const place = join(state.folder, name);
    const lookup = await diskFile(place);
    return lookup.kind === "file" ? this.serve(place, name, (await hashFile(place)).sha256, state.release) : lookup;
  }

  /** Date and tag are the same on every server that keeps this file. */
  private serve(place: string, name: string, sha256: string, release: Release): Promise<Lookup> {
    const modified = release.date === undefined ? {} : { modified: release.date };
    return diskFile(place, { name, sha256: () => sha256, ...modified });
  }

  private listed(
    path: string,
  ): { readonly release: Release; readonly path: string; readonly hash: FileHash } | undefined {
    const byHash = /^(?:(.+)\/)?by-hash\/SHA256\/([0-9a-f]{64})$/.exec(path);
    if (byHash !== null) return this.listedByHash(byHash[1] ?? ".", byHash[2] ?? "");
    const release = this.states[0]?.release;
    const hash = release?.files.get(path);
    return release && hash && { release, path, hash };
  }

  private listedByHash(folder: string, sha256: string) {
    for (const { release } of this.states) {
      for (const [path, hash] of release.files) {
        if (hash.sha256 === sha256 && dirname(path) === folder) return { release, path, hash };
      }
    }
    return undefined;
  }

  private async needState(): Promise<void> {
    if (this.states.length === 0) await this.refresh();
  }

  /** Waits for the comparison with the upstream when it is due, but not long when there is something to serve. */
  private async freshState(): Promise<void> {
    const { clock, timing } = this.parts;
    if (this.states.length === 0) await this.refresh();
    else if (clock.now() >= this.nextCheck) {
      const refreshed = this.refresh().catch((error: unknown) => {
        this.parts.log.warn({ suite: this.suite, cause: error }, "going on with the kept Release file");
      });
      await Promise.race([refreshed, sleep(clock, timing.patience)]);
    }
  }

  private refresh(): Promise<void> {
    return this.refreshing.run(this.suite, async () => {
      const { clock, timing } = this.parts;
      // Until it is known how it ends.
      this.nextCheck = clock.now() + timing.recheckAfterOutage;
      if (await this.takeNewState()) this.nextCheck = clock.now() + timing.recheck;
    });
  }

  /** Are we where the upstream is, as far as one can tell? */
  private async takeNewState(): Promise<boolean> {
    if (this.absent.has(this.suite)) return true;
    const { store, upstream, keyring } = this.parts;
    const scratch = await store.scratchFolder();
    try {
      const fetched = await fetchRelease(upstream, this.suite, scratch, this.knownRelease());
      if (fetched === "absent") this.absent.add(this.suite);
      if (fetched === "absent" || fetched === "unchanged") return true;
      const next = await readSignedRelease(scratch, this.suite, keyring);
      if (!isBetter(next, this.states[0])) return false;
      await this.switchTo(next, scratch);
      this.conditions = fetched;
      return next.detached !== "out-of-step";
    } finally {
      await store.remove(scratch);
    }
  }

  /** What a new state is compared with. Nothing, when the one we have lacks files: then all are fetched again. */
  private knownRelease(): KnownRelease | undefined {
    const current = this.states[0];
    if (!current?.complete) return undefined;
    return { folder: current.folder, ...(this.conditions && { conditions: this.conditions }) };
  }

  /** One step for the clients: before it they see the old state, after it the new one with its index files at hand. */
  private async switchTo({ release, detached }: SignedRelease, scratch: string): Promise<void> {
    const [current] = this.states;
    if (current !== undefined) await this.fetchSuccessors(current.release, release);
    // Later than the one before, whatever the clock does.
    const time = Math.max(this.parts.clock.now(), Number(current?.name ?? 0) + 1);
    const name = String(time).padStart(15, "0");
    const folder = join(this.releasesFolder(), name);
    await this.parts.store.adopt(scratch, folder);
    const state = { name, folder, release, complete: detached !== "out-of-step" };
    this.states = [state, ...this.states].slice(0, STATES_KEPT);
    await this.sweep();
    this.parts.log.info({ suite: this.suite, date: release.date }, "took a new Release file");
  }

  /** Index files that clients use (that is, which are kept) in the version of the next state. */
  private async fetchSuccessors(before: Release, after: Release): Promise<void> {
    const kept = new Set(await namesIn(this.objectsFolder()));
    for (const [path, old] of before.files) {
      const hash = after.files.get(path);
      if (hash !== undefined && kept.has(old.sha256)) await this.indices.file(after, path, hash);
    }
  }

  private async sweep(): Promise<void> {
    const { store } = this.parts;
    const releases = this.states.map((state) => state.release);
    const live = new Set(releases.flatMap((release) => [...release.files.values()].map((hash) => hash.sha256)));
    const names = new Set(this.states.map((state) => state.name));
    for (const name of await namesIn(this.releasesFolder())) {
      if (!names.has(name)) await store.remove(join(this.releasesFolder(), name));
    }
    for (const name of await namesIn(this.objectsFolder())) {
      if (!live.has(name)) await store.remove(join(this.objectsFolder(), name));
    }
    this.indices.forgetAllBut(live);
  }

  private releasesFolder(): string {
    return join(this.parts.store.suiteFolder(this.suite), "releases");
  }

  private objectsFolder(): string {
    return join(this.parts.store.suiteFolder(this.suite), "by-hash");
  }
}

/**
 * Mirrors behind one name are not always in step, and going back in time is what an attacker would like. A state without
 * its Release.gpg must not replace one that has it: the installer would stop.
 */
function isBetter(next: SignedRelease, current: State | undefined): boolean {
  if (current === undefined) return true;
  const ahead = (next.release.date ?? 0) - (current.release.date ?? 0);
  if (next.detached === "out-of-step") return !current.complete && ahead > 0;
  return ahead >= 0;
}
