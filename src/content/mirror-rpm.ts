/** A repository of rpm packages, for dnf and zypper, as a repository of a pull-through mirror. */
import { join } from "node:path";
import type { ListVariant, Repository, SignedState } from "./mirror-repository.ts";
import { type FetchedFile, fetchSigned, type KnownFiles, mismatch, readIfThere } from "./mirror-signed.ts";
import type { FileIndex } from "./mirror-store.ts";
import type { ListEnding } from "./packages-file.ts";
import { PrimaryParser, parseRepomd, type Repomd } from "./repomd.ts";
import { checkDetached } from "./signature.ts";
import type { Upstream } from "./upstream.ts";

export interface RpmRepositoryOptions {
  /** In the tree: `BaseOS`; empty = the tree itself. */
  readonly path: string;
  /** Absolute path of the OpenPGP keyring that must have signed repomd.xml; undefined = nobody need have. */
  readonly keyring?: string;
}

const FOLDER = "repodata";
const ENDINGS: readonly ListEnding[] = [".gz", ".zst", ".xz", ""];

class RpmState implements SignedState {
  readonly files: FileIndex;
  readonly order: number;
  /** repomd.xml tells the time of each index file alone. */
  readonly modified = undefined;
  readonly isComplete = true;
  private readonly repomd: Repomd;
  private readonly roles: ReadonlyMap<string, string>;

  constructor(repomd: Repomd) {
    this.repomd = repomd;
    this.order = repomd.revision;
    const entries = [...repomd.data].flatMap(([type, { path, expected }]) => {
      const below = innerPath(path);
      return below === undefined ? [] : [{ type, below, expected }];
    });
    this.files = new Map(entries.map(({ below, expected }) => [below, expected]));
    this.roles = new Map(entries.map(({ type, below }) => [below, type]));
  }

  /** Not back in time. Owners that number their revisions themselves go up too. */
  mayFollow(current: SignedState): boolean {
    return this.order >= current.order;
  }

  resolve(path: string) {
    const expected = this.files.get(path);
    return expected && { path, expected };
  }

  sources(path: string): readonly string[] {
    return [path];
  }

  role(path: string): string {
    return this.roles.get(path) ?? path;
  }

  lists(): readonly (readonly ListVariant[])[] {
    const primary = innerPath(this.repomd.data.get("primary")?.path ?? "");
    const ending = ENDINGS.find((each) => primary?.endsWith(`.xml${each}`));
    return primary === undefined || ending === undefined ? [] : [[{ path: primary, ending }]];
  }
}

/** createrepo_c and the build systems put nothing elsewhere. */
function innerPath(path: string): string | undefined {
  return path.startsWith(`${FOLDER}/`) ? path.slice(FOLDER.length + 1) : undefined;
}

export class RpmRepository implements Repository {
  readonly name: string;
  readonly folder: string;
  /** Signature and key are there for zypper and dnf, whoever is trusted here. */
  readonly signed = ["repomd.xml", "repomd.xml.asc", "repomd.xml.key"];
  readonly isRequired = true;
  private readonly options: RpmRepositoryOptions;
  /** Paths in the tree of what belongs to it. */
  private readonly prefix: string;

  constructor(options: RpmRepositoryOptions) {
    this.options = options;
    this.prefix = options.path === "" ? "" : `${options.path}/`;
    this.name = options.path === "" ? FOLDER : options.path;
    this.folder = `${this.prefix}${FOLDER}`;
  }

  packageName(path: string): string | undefined {
    return path.startsWith(this.prefix) && path.endsWith(".rpm") ? path.slice(this.prefix.length) : undefined;
  }

  async fetch(upstream: Upstream, into: string, known?: KnownFiles): Promise<FetchedFile> {
    const [repomd, ...others] = this.signed;
    const answer = await fetchSigned(upstream, this.folder, repomd ?? "", into, known);
    if (answer === "absent" || answer === "unchanged") return answer;
    for (const name of others) await fetchSigned(upstream, this.folder, name, into);
    return answer;
  }

  async settle(folder: string): Promise<RpmState> {
    const state = await this.read(folder);
    if (state === undefined) throw mismatch(`${this.folder}: no repomd.xml`);
    return state;
  }

  async read(folder: string): Promise<RpmState | undefined> {
    const path = join(folder, "repomd.xml");
    const bytes = await readIfThere(path);
    if (bytes === undefined) return undefined;
    const { keyring } = this.options;
    if (keyring !== undefined) await checkDetached(path, join(folder, "repomd.xml.asc"), keyring);
    const repomd = parseRepomd(bytes);
    if (!repomd.data.has("primary"))
      throw mismatch(`${this.folder}: repomd.xml names no primary.xml by SHA-256 or SHA-512`);
    return new RpmState(repomd);
  }

  listReader(): PrimaryParser {
    return new PrimaryParser();
  }
}
