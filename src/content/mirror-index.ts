/** The index files of one repository: kept by their digest, fetched when first needed, read to know the packages. */
import { EverbootError } from "../base/errors.ts";
import type { MirrorParts } from "./mirror-deps.ts";
import type { PulledFiles, Wanted } from "./mirror-pull.ts";
import type { ListVariant, Repository, SignedState } from "./mirror-repository.ts";
import { digestOf, type ExpectedFile, type FileIndex } from "./mirror-store.ts";
import { readPackages } from "./packages-file.ts";
import type { Lookup } from "./served-file.ts";

const NO_FILES: FileIndex = new Map();

interface ExpectedVariant extends ListVariant {
  readonly expected: ExpectedFile;
}

export class Indices {
  private readonly repository: Repository;
  private readonly parts: MirrorParts;
  private readonly files: PulledFiles;
  /** Lists that were read, by the digest of the first variant: states share what did not change. */
  private readonly read = new Map<string, Promise<FileIndex>>();

  constructor(repository: Repository, parts: MirrorParts, files: PulledFiles) {
    this.repository = repository;
    this.parts = parts;
    this.files = files;
  }

  /** The index file that `path` below the repository's folder means; undefined = `state` vouches for none. */
  async lookup(state: SignedState, path: string): Promise<Lookup | undefined> {
    const found = state.resolve(path);
    return found && this.files.lookup(this.wanted(state, found.path, found.expected, path));
  }

  /** What the lists of `state` say of a package. Throws like `PulledFiles.whole`, and `upstream-mismatch`. */
  async find(state: SignedState, packageName: string): Promise<ExpectedFile | undefined> {
    for (const variants of state.lists(packageName)) {
      const expected = (await this.list(state, variants)).get(packageName);
      if (expected !== undefined) return expected;
    }
    return undefined;
  }

  /** Fetches the index files of `after` that clients use: those of which an earlier state's form is kept. */
  async fetchSuccessors(before: SignedState, after: SignedState): Promise<void> {
    const kept = await this.parts.store.objects();
    const used = [...before.files].filter(([, expected]) => kept.has(digestOf(expected)));
    const roles = new Set(used.map(([path]) => before.role(path)));
    for (const [path, expected] of after.files) {
      if (roles.has(after.role(path))) await this.files.whole(this.wanted(after, path, expected));
    }
  }

  /** Forgets the lists whose digest is not in `live`. */
  forgetAllBut(live: ReadonlySet<string>): void {
    for (const key of this.read.keys()) if (!live.has(key)) this.read.delete(key);
  }

  private wanted(state: SignedState, path: string, expected: ExpectedFile, name = path): Wanted {
    const { folder } = this.repository;
    return {
      place: this.parts.store.objectPath(expected),
      expected,
      sources: state.sources(path).map((source) => `${folder}/${source}`),
      name,
      // Date and tag are the same on every server that keeps this file.
      ...(state.modified !== undefined && { modified: state.modified }),
    };
  }

  private list(state: SignedState, variants: readonly ListVariant[]): Promise<FileIndex> {
    const expected = variants.flatMap((variant): ExpectedVariant[] => {
      const file = state.files.get(variant.path);
      return file === undefined ? [] : [{ ...variant, expected: file }];
    });
    const [first] = expected;
    if (first === undefined) return Promise.resolve(NO_FILES);
    const key = digestOf(first.expected);
    const known = this.read.get(key);
    if (known !== undefined) return known;
    const started = this.readList(state, expected);
    this.read.set(key, started);
    // What could not be had is tried again at the next request.
    const forget = () => this.read.delete(key);
    started.then((index) => index === NO_FILES && forget(), forget);
    return started;
  }

  private async readList(state: SignedState, variants: readonly ExpectedVariant[]): Promise<FileIndex> {
    let missingTool: unknown;
    for (const { path, ending, expected } of await this.keptFirst(variants)) {
      const wanted = this.wanted(state, path, expected);
      if (!(await this.files.whole(wanted))) continue;
      try {
        return await readPackages(wanted.place, ending, this.repository.listReader());
      } catch (error) {
        if (!(error instanceof EverbootError && error.code === "tool-missing")) throw error;
        missingTool = error;
      }
    }
    if (missingTool !== undefined) throw missingTool;
    // A mirror may lack parts that its signed files list, as installer components.
    const about = { repository: this.repository.name, index: variants[0]?.path };
    this.parts.log.debug(about, "the upstream lacks an index it lists");
    return NO_FILES;
  }

  /** The installer has mostly made us fetch one of the variants already. */
  private async keptFirst(variants: readonly ExpectedVariant[]): Promise<readonly ExpectedVariant[]> {
    const kept = await this.parts.store.objects();
    const isKept = ({ expected }: ExpectedVariant) => kept.has(digestOf(expected));
    return [...variants.filter(isKept), ...variants.filter((variant) => !isKept(variant))];
  }
}
