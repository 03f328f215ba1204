/** An apt suite as a repository of a pull-through mirror. */
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EverbootError } from "../base/errors.ts";
import {
  componentsFor,
  PACKAGES_ENDINGS,
  PackagesParser,
  packagesFolders,
  parseRelease,
  type Release,
} from "./apt-index.ts";
import { fillDurably } from "./durable.ts";
import type { ListVariant, Repository, SignedState } from "./mirror-repository.ts";
import { type FetchedFile, fetchSigned, type KnownFiles, mismatch, readIfThere } from "./mirror-signed.ts";
import { checkClearSigned, checkDetached } from "./signature.ts";
import type { Upstream } from "./upstream.ts";

export interface AptSuiteOptions {
  readonly suite: string;
  readonly arch: string;
  /** Absolute path of the OpenPGP keyring that must have signed. */
  readonly keyring: string;
  readonly isRequired: boolean;
}

/** Of Release.gpg: the Debian installer (net-retriever) wants it and knows no InRelease. */
type Detached =
  | "valid"
  | "none"
  /** It is of another state than InRelease, as on mirrors that are being updated. */
  | "out-of-step";

interface SignedText {
  readonly text: string;
  readonly release: Release;
  readonly detached: Detached;
}

class AptState implements SignedState {
  readonly isComplete: boolean;
  private readonly release: Release;
  private readonly arch: string;

  constructor(release: Release, arch: string, isComplete: boolean) {
    this.release = release;
    this.arch = arch;
    this.isComplete = isComplete;
  }

  get files() {
    return this.release.files;
  }

  get modified() {
    return this.release.date;
  }

  get order() {
    return this.release.date ?? 0;
  }

  /**
   * Mirrors behind one name are not always in step, and going back in time is what an attacker would like. A state
   * without its Release.gpg must not replace one that has it: the installer would stop.
   */
  mayFollow(current: SignedState): boolean {
    const ahead = this.order - current.order;
    return this.isComplete ? ahead >= 0 : !current.isComplete && ahead > 0;
  }

  resolve(path: string) {
    const [, folder = ".", sha256] = /^(?:(.+)\/)?by-hash\/SHA256\/([0-9a-f]{64})$/.exec(path) ?? [];
    if (sha256 === undefined) return this.listed(path);
    for (const [each, { sha256: known }] of this.release.files) {
      if (known === sha256 && dirname(each) === folder) return this.listed(each);
    }
    return undefined;
  }

  /** Asked for by hash, an upstream that is just being updated still has the right one. */
  sources(path: string): readonly string[] {
    const hash = this.release.files.get(path);
    const byHash = hash && this.release.byHash ? [join(dirname(path), "by-hash/SHA256", hash.sha256)] : [];
    return [...byHash, path];
  }

  role(path: string): string {
    return path;
  }

  lists(packageName: string): readonly (readonly ListVariant[])[] {
    return componentsFor(this.release, packageName)
      .flatMap((component) => packagesFolders(this.release, component, this.arch))
      .map((folder) =>
        PACKAGES_ENDINGS.map((ending) => ({ path: `${folder}/Packages${ending}`, ending })).filter(({ path }) =>
          this.release.files.has(path),
        ),
      );
  }

  private listed(path: string) {
    const expected = this.release.files.get(path);
    return expected && { path, expected };
  }
}

/** Installer and apt ask for the signed files `InRelease`, `Release` and `Release.gpg` of `dists/<suite>/`. */
export class AptSuite implements Repository {
  readonly name: string;
  readonly folder: string;
  readonly signed = ["InRelease", "Release", "Release.gpg"];
  readonly isRequired: boolean;
  private readonly options: AptSuiteOptions;

  constructor(options: AptSuiteOptions) {
    this.options = options;
    this.name = options.suite;
    this.folder = `dists/${options.suite}`;
    this.isRequired = options.isRequired;
  }

  packageName(path: string): string | undefined {
    return path === "pool" || path.startsWith("pool/") ? path : undefined;
  }

  /** InRelease if there is one, else Release and Release.gpg; with an InRelease also those two if there are. */
  async fetch(upstream: Upstream, into: string, known?: KnownFiles): Promise<FetchedFile> {
    const fetchOne = (name: string, since?: KnownFiles) => fetchSigned(upstream, this.folder, name, into, since);
    const inRelease = await fetchOne("InRelease", known);
    if (inRelease === "unchanged") return inRelease;
    const signature = await fetchOne("Release.gpg");
    if (inRelease === "absent") return signature === "absent" ? "absent" : fetchOne("Release", known);
    if (signature !== "absent") await fetchOne("Release");
    return inRelease;
  }

  /** Beside an InRelease there is always a Release with the same text afterwards, and a Release.gpg if it fits. */
  async settle(folder: string): Promise<AptState> {
    const { text, release, detached } = await this.readSigned(folder);
    if (detached !== "valid") await replaceRelease(folder, text);
    return new AptState(release, this.options.arch, detached !== "out-of-step");
  }

  /** Of a state without Release.gpg one cannot tell any more whether the upstream had one. */
  async read(folder: string): Promise<AptState | undefined> {
    const found = await Promise.all(["InRelease", "Release"].map((name) => readIfThere(join(folder, name))));
    if (found.every((bytes) => bytes === undefined)) return undefined;
    const { release, detached } = await this.readSigned(folder);
    return new AptState(release, this.options.arch, detached === "valid");
  }

  listReader(): PackagesParser {
    return new PackagesParser();
  }

  /**
   * InRelease, if there is one, must be validly signed by a key of the keyring and be about the suite, else Release and
   * Release.gpg must.
   */
  private async readSigned(folder: string): Promise<SignedText> {
    const { keyring } = this.options;
    const inRelease = join(folder, "InRelease");
    if ((await readIfThere(inRelease)) === undefined) {
      const text = await readDetached(folder, keyring);
      return { text, release: this.requireRelease(text), detached: "valid" };
    }
    const text = await checkClearSigned(inRelease, keyring);
    return { text, release: this.requireRelease(text), detached: await compareDetached(folder, text, keyring) };
  }

  private requireRelease(text: string): Release {
    const { suite } = this.options;
    const release = parseRelease(text);
    if (release === undefined) throw mismatch(`${suite}: no SHA256 section`);
    const names = [release.codename, release.suite].filter((name) => name !== undefined);
    // A mirror could else answer with a validly signed Release of another suite.
    if (names.length > 0 && !names.includes(suite)) throw mismatch(`${suite}: a Release file of ${names.join(", ")}`);
    return release;
  }
}

/** The text of Release, when Release.gpg is a valid signature of it. */
async function readDetached(folder: string, keyring: string): Promise<string> {
  const path = join(folder, "Release");
  const bytes = await readIfThere(path);
  if (bytes === undefined) throw mismatch("a signature without its Release file");
  await checkDetached(path, join(folder, "Release.gpg"), keyring);
  return bytes.toString("utf8");
}

async function compareDetached(folder: string, text: string, keyring: string): Promise<Detached> {
  if ((await readIfThere(join(folder, "Release.gpg"))) === undefined) return "none";
  try {
    return trimLines(await readDetached(folder, keyring)) === trimLines(text) ? "valid" : "out-of-step";
  } catch (error) {
    if (error instanceof EverbootError && error.code === "upstream-mismatch") return "out-of-step";
    throw error;
  }
}

async function replaceRelease(folder: string, text: string): Promise<void> {
  for (const name of ["Release", "Release.gpg"]) await rm(join(folder, name), { force: true });
  await fillDurably(join(folder, "Release"), (handle) => handle.writeFile(text));
}

/** Clear signing (RFC 9580 section 7.2) does not cover white space at the ends of lines. */
function trimLines(text: string): string {
  return text.replace(/[ \t\r]+$/gm, "").trimEnd();
}
