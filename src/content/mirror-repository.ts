/**
 * One repository of an upstream as the mirror sees it: files that are signed, index files that those vouch for, and
 * packages that the index files vouch for. An apt archive has one for each suite, a tree of rpm packages one for each
 * folder with `repodata/`.
 */

import type { FetchedFile, KnownFiles } from "./mirror-signed.ts";
import type { ExpectedFile, FileIndex } from "./mirror-store.ts";
import type { ListEnding, PackagesReader } from "./packages-file.ts";
import type { Upstream } from "./upstream.ts";

/** An index file that names packages, in one of the forms that it is offered in. */
export interface ListVariant {
  /** Below the repository's folder. */
  readonly path: string;
  readonly ending: ListEnding;
}

/** What the signed files of one moment say. Paths are below the repository's folder. */
export interface SignedState {
  readonly files: FileIndex;
  /** Grows from state to state. */
  readonly order: number;
  /** Milliseconds since 1970; undefined = the signed files do not say. */
  readonly modified: number | undefined;
  /** Has all the signed files that the upstream has, as far as one can tell. */
  readonly isComplete: boolean;
  /** May it take the place of `current`? */
  mayFollow(current: SignedState): boolean;
  /** The index file that a client means by `path`, with its proper path; undefined = none that is vouched for. */
  resolve(path: string): { readonly path: string; readonly expected: ExpectedFile } | undefined;
  /** Where the upstream has the index file, to be asked in this order. */
  sources(path: string): readonly string[];
  /** What the index file is in every state, whatever its path is in this one. */
  role(path: string): string;
  /** Lists that may name the package, most likely first; of the forms of each, one is enough. */
  lists(packageName: string): readonly (readonly ListVariant[])[];
}

export interface Repository {
  /** For the log. */
  readonly name: string;
  /** Below the upstream and below the tree, with the signed files in it. */
  readonly folder: string;
  /** Names of the signed files in `folder`, the one that says what is there first. */
  readonly signed: readonly string[];
  /** When it is there but cannot be trusted, no state of the upstream is taken at all. */
  readonly isRequired: boolean;
  /** The package at `path` of the tree as the lists call it; undefined = none of this repository. */
  packageName(path: string): string | undefined;
  /**
   * Fetches the signed files into the empty folder `into`, unchecked. `known`: those of the state that we have.
   * Throws like `Upstream.get`.
   */
  fetch(upstream: Upstream, into: string, known?: KnownFiles): Promise<FetchedFile>;
  /** Checks fetched files, and makes them fit to be read. Throws EverbootError `upstream-mismatch`. */
  settle(folder: string): Promise<SignedState>;
  /** Checks and reads settled files; undefined = the folder has none. Throws EverbootError `upstream-mismatch`. */
  read(folder: string): Promise<SignedState | undefined>;
  /** Reads a list; its paths are package names. */
  listReader(): PackagesReader<FileIndex>;
}
