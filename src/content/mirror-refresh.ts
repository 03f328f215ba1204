/** Comparing a pull-through mirror with its upstream, and taking what is new as a new version. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { sleep } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";
import type { MirrorParts } from "./mirror-deps.ts";
import type { Indices } from "./mirror-index.ts";
import type { Repository, SignedState } from "./mirror-repository.ts";
import { type Conditions, type KnownFiles, readIfThere } from "./mirror-signed.ts";
import { digestOf } from "./mirror-store.ts";
import type { Change, MirrorVersion, MirrorVersions } from "./mirror-versions.ts";
import { RecentKeys, SingleFlight } from "./single-flight.ts";

export interface RefresherOptions {
  readonly parts: MirrorParts;
  readonly versions: MirrorVersions;
  readonly indices: ReadonlyMap<Repository, Indices>;
}

interface NewState extends Change {
  readonly state: SignedState;
  readonly conditions: Conditions;
}

/** `settled`: we are where the upstream is, as far as one can tell. */
type Compared = { readonly settled: boolean; readonly next?: NewState };

export class Refresher {
  private readonly options: RefresherOptions;
  private readonly refreshing = new SingleFlight<void>();
  private readonly conditions = new Map<Repository, Conditions>();
  private readonly absent: RecentKeys;
  private nextCheck = 0;

  constructor(options: RefresherOptions) {
    this.options = options;
    const { clock, timing } = options.parts;
    this.absent = new RecentKeys(clock, timing.absence);
  }

  /**
   * Waits for the comparison with the upstream when it is due, but not long when there is something to serve. Throws
   * only when there is nothing: `upstream-down`, `upstream-unavailable`, `upstream-mismatch`.
   */
  async fresh(): Promise<void> {
    const { clock, log, timing } = this.options.parts;
    const current = await this.options.versions.current();
    if (!current?.states.size) return this.refresh();
    if (clock.now() < this.nextCheck) return;
    const refreshed = this.refresh().catch((cause: unknown) => {
      log.warn({ cause }, "going on with the version that is kept");
    });
    await Promise.race([refreshed, sleep(clock, timing.patience)]);
  }

  /** Looks for a repository that the current version has nothing of. Throws like `fresh`. */
  async look(repository: Repository): Promise<void> {
    if (!this.absent.has(repository.name)) await this.refresh();
  }

  /** What is kept may be out of date: the next `fresh` compares. */
  suspect(): void {
    this.nextCheck = 0;
  }

  idle(): Promise<void> {
    return this.refreshing.idle();
  }

  private refresh(): Promise<void> {
    return this.refreshing.run("", async () => {
      const { clock, timing } = this.options.parts;
      // Until it is known how it ends.
      this.nextCheck = clock.now() + timing.recheckAfterOutage;
      if (await this.takeNew()) this.nextCheck = clock.now() + timing.recheck;
    });
  }

  private async takeNew(): Promise<boolean> {
    const { parts, versions } = this.options;
    const [newest] = await versions.all();
    const scratch = parts.store.tempPath();
    try {
      const compared = await this.compareAll(newest, scratch);
      const changes = compared.flatMap(({ next }) => next ?? []);
      if (changes.length > 0) await this.take(changes, newest);
      else await versions.follow();
      return compared.every(({ settled }) => settled);
    } finally {
      await parts.store.remove(scratch);
    }
  }

  private async compareAll(newest: MirrorVersion | undefined, scratch: string): Promise<readonly Compared[]> {
    const repositories = [...this.options.indices.keys()].filter(({ name }) => !this.absent.has(name));
    const compared: Compared[] = [];
    for (const [index, repository] of repositories.entries()) {
      const folder = join(scratch, String(index));
      await mkdir(folder, { recursive: true });
      compared.push(await this.compareLeniently(repository, newest, folder));
    }
    return compared;
  }

  /** One repository that cannot be trusted is no reason to leave the others, as long as installs can do without. */
  private async compareLeniently(
    repository: Repository,
    newest: MirrorVersion | undefined,
    folder: string,
  ): Promise<Compared> {
    try {
      return await this.compare(repository, newest, folder);
    } catch (error) {
      const isMismatch = error instanceof EverbootError && error.code === "upstream-mismatch";
      if (!isMismatch || repository.isRequired) throw error;
      this.options.parts.log.warn({ repository: repository.name, cause: error }, "what the upstream has is not taken");
      return { settled: false };
    }
  }

  private async compare(repository: Repository, newest: MirrorVersion | undefined, folder: string): Promise<Compared> {
    const current = newest?.states.get(repository);
    const known = current?.isComplete && newest ? this.known(repository, newest) : undefined;
    const fetched = await repository.fetch(this.options.parts.upstream, folder, known);
    if (fetched === "absent") this.absent.add(repository.name);
    if (fetched === "absent" || fetched === "unchanged") return { settled: true };
    const state = await repository.settle(folder);
    const settled = state.isComplete;
    if (newest !== undefined && (await hasSame(repository, folder, newest))) return { settled };
    if (current !== undefined && !state.mayFollow(current)) return { settled: false };
    return { settled, next: { repository, folder, state, conditions: fetched } };
  }

  private known(repository: Repository, { folder }: MirrorVersion): KnownFiles {
    const conditions = this.conditions.get(repository);
    return { folder: join(folder, repository.folder), ...(conditions && { conditions }) };
  }

  /** One step for the clients: before it they see the old version, after it the new one with its index files at hand. */
  private async take(changes: readonly NewState[], newest: MirrorVersion | undefined): Promise<void> {
    const { parts, versions, indices } = this.options;
    for (const { repository, state } of changes) {
      const before = newest?.states.get(repository);
      if (before !== undefined) await indices.get(repository)?.fetchSuccessors(before, state);
    }
    await versions.add(changes, parts.clock.now() - parts.timing.lasting);
    for (const { repository, conditions } of changes) this.conditions.set(repository, conditions);
    await this.sweep();
    parts.log.info(
      { repositories: changes.map(({ repository }) => repository.name) },
      "took a new state of the upstream",
    );
  }

  /** Removes index files that no version needs any more. */
  private async sweep(): Promise<void> {
    const { parts, versions, indices } = this.options;
    const states = (await versions.all()).flatMap((version) => [...version.states.values()]);
    const live = new Set(states.flatMap(({ files }) => [...files.values()].map(digestOf)));
    await parts.store.removeObjectsBut(live);
    for (const each of indices.values()) each.forgetAllBut(live);
  }
}

/** Has `folder` the signed files that `version` has? */
async function hasSame(repository: Repository, folder: string, version: MirrorVersion): Promise<boolean> {
  for (const name of repository.signed) {
    const found = [folder, join(version.folder, repository.folder)].map((each) => readIfThere(join(each, name)));
    const [fresh, kept] = await Promise.all(found);
    if (fresh === undefined ? kept !== undefined : !kept?.equals(fresh)) return false;
  }
  return true;
}
