/** Takes files into a tree: as a new version beside the one that is served, which gives way to it in one step. */
import { mkdir, open, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Clock, systemClock } from "../base/clock.ts";
import type { Tree } from "../site/model.ts";
import { describeTree, detectTree, differingKey, type Families, type FoundTree, LOOKED_FOR } from "./detect-tree.ts";
import { gatherChecks } from "./import-checks.ts";
import { downloadIso, removeDownloads } from "./import-download.ts";
import { unpackIso } from "./import-iso.ts";
import { isoChecks } from "./import-iso-checks.ts";
import { isDownload, type Origin, openOrigin } from "./import-origin.ts";
import { asRefusal, importRefused } from "./import-refused.ts";
import { findImportSource, type ImportSource, type UnpackedIso } from "./import-source.ts";
import { firstWrongHash } from "./import-stage.ts";
import { adoptPlainTree, makeVersion, type NewVersion } from "./import-version.ts";
import { KERNEL_HEAD_BYTES, kernelVersion } from "./kernel-version.ts";
import { inStaging, WorkUnderWay } from "./versions-work.ts";

/** In the order they come in; which of them there are depends on what is named. */
export type ImportStep = "download" | "check" | "unpack" | "keep" | "take";

export interface ImportProgress {
  /** `keep`: the files of a tree that has no versions yet become its first. */
  readonly step: ImportStep;
  readonly done: number;
  /** Undefined: not known. */
  readonly total?: number;
  readonly unit: "bytes" | "files";
}

export interface ImportResult extends NewVersion {
  readonly kind: ImportSource["kind"];
  /** What the files say that they are, if they do. */
  readonly found?: FoundTree;
  /** Of the netboot images' kernel, if the image tells it. */
  readonly kernelVersion?: string;
  /** Version that the files of a plain tree have become. */
  readonly adopted?: string;
  /** How many of the files are what the medium's own lists say; of the others nothing is known. */
  readonly checked: number;
}

export interface ImportOptions {
  readonly onProgress?: (progress: ImportProgress) => void;
  /** Ends the import; the tree is as it was. */
  readonly signal?: AbortSignal;
  /** The new version has none of the current one's files. */
  readonly replace?: boolean;
  /** Versions that running installs read; undefined = not known, so no old one is removed. */
  readonly used?: () => Promise<ReadonlySet<string> | undefined>;
  /** For downloads. */
  readonly clock?: Clock;
  /** Milliseconds before each further attempt of a download that broke off. */
  readonly retryDelays?: readonly number[];
}

const IDLE_MS = 30_000;
const RETRY_DELAYS = [1_000, 2_000, 4_000, 8_000, 16_000];

/**
 * Takes `named`, a folder, an ISO file or the URL of one, into `tree`: makes a version of its files and those that the
 * tree has already, and serves it. Throws EverbootError `import-refused`; then the tree is served as it was.
 */
export async function importTree(
  named: string,
  tree: Tree,
  families: Families,
  options: ImportOptions = {},
): Promise<ImportResult> {
  try {
    return await new Import(named, tree, families, options).run();
  } catch (error) {
    if (options.signal?.aborted) throw importRefused(named, "broken off before anything was changed", error);
    if (error instanceof WorkUnderWay) {
      throw importRefused(named, `process ${error.pid} takes in something for tree ${tree.name}: wait for its end`);
    }
    throw asRefusal(named, error);
  }
}

/** What `named` is. Throws EverbootError `import-refused` when no family knows it. */
export async function identify(named: string, families: Families): Promise<FoundTree> {
  if (isDownload(named)) throw importRefused(named, "is not here yet: name the tree that it is for with --as");
  try {
    const { files } = await openOrigin(named);
    return detectTree(files, families) ?? unknown(named);
  } catch (error) {
    throw asRefusal(named, error);
  }
}

function unknown(from: string): never {
  throw importRefused(from, `no install medium of a family that is known: looked for ${LOOKED_FOR}`);
}

class Import {
  private readonly named: string;
  private readonly tree: Tree;
  private readonly families: Families;
  private readonly options: ImportOptions;

  constructor(named: string, tree: Tree, families: Families, options: ImportOptions) {
    this.named = named;
    this.tree = tree;
    this.families = families;
    this.options = options;
  }

  run(): Promise<ImportResult> {
    return isDownload(this.named) ? this.runDownload() : this.runFrom(this.named);
  }

  private async runFrom(path: string): Promise<ImportResult> {
    const origin = await openOrigin(path);
    const found = this.requireKind(origin);
    if (origin.kind === "iso")
      return inStaging(this.tree.path, (staging) => this.takeIso({ path: origin.path, link: false }, found, staging));
    // What has nothing for the tree makes it no folder.
    const source = await findImportSource(origin.path, this.tree);
    return inStaging(this.tree.path, (staging) => this.takeSource(origin.path, source, found, staging));
  }

  private async runDownload(): Promise<ImportResult> {
    return inStaging(this.tree.path, async (staging) => {
      const iso = await downloadIso(this.named, this.tree.path, {
        clock: this.options.clock ?? systemClock,
        idleMs: IDLE_MS,
        retryDelays: this.options.retryDelays ?? RETRY_DELAYS,
        onBytes: (done, total) => this.tell("download", "bytes", done, total),
        signal: this.options.signal,
      });
      const found = this.requireKind(await openOrigin(iso));
      const result = await this.takeIso({ path: iso, link: true }, found, staging);
      await removeDownloads(this.tree.path);
      return result;
    });
  }

  /** Debian's images do not say what they are when they lie in a folder alone. */
  private requireKind({ files }: Origin): FoundTree | undefined {
    const { tree } = this;
    const found = detectTree(files, this.families, tree.family);
    if (found === undefined) return tree.family === "debian" ? undefined : unknown(this.named);
    const key = differingKey(tree, found, files);
    if (key === undefined) return found;
    const declared = `tree ${tree.name} is ${tree.family} ${tree.release} for ${tree.arch}`;
    return this.refuse(`this is ${describeTree(found)}, and ${declared}: name another tree, or correct its \`${key}\``);
  }

  private async takeIso(iso: UnpackedIso, found: FoundTree | undefined, staging: string): Promise<ImportResult> {
    const isoNotes = await this.checkIso(iso.path);
    const folder = await this.unpack(iso.path, staging);
    const source = await findImportSource(folder, this.tree, iso);
    const result = await this.takeSource(folder, source, found, staging);
    return { ...result, notes: [...isoNotes, ...result.notes] };
  }

  private async takeSource(
    folder: string,
    source: ImportSource,
    found: FoundTree | undefined,
    staging: string,
  ): Promise<ImportResult> {
    const checks = await gatherChecks(folder, source, this.tree, this.refuse);
    const { adopted, made } = await this.makeVersions(source, checks, staging);
    const kernel = source.kind === "netboot" ? await readKernelVersion(source.kernel) : undefined;
    return {
      ...made,
      kind: source.kind,
      checked: made.files.filter(({ path }) => checks.wanted.has(path)).length,
      notes: [...checks.notes, ...made.notes],
      ...(found && { found }),
      ...(kernel !== undefined && { kernelVersion: kernel }),
      ...(adopted !== undefined && { adopted }),
    };
  }

  /** Against the list that is published beside it, before the long work begins. */
  private async checkIso(iso: string): Promise<readonly string[]> {
    const { wanted, notes } = await isoChecks(iso, this.tree, this.refuse);
    if (wanted.length === 0) return notes;
    const total = (await stat(iso)).size;
    let done = 0;
    const wrong = await firstWrongHash(iso, wanted, (bytes) => {
      this.options.signal?.throwIfAborted();
      done += bytes;
      this.tell("check", "bytes", done, total);
    });
    if (wrong) this.refuse(`${basename(iso)} is not what ${wrong.by} beside it says: it is damaged, get it anew`);
    return [...notes, `the ISO file is what ${wanted.map(({ by }) => by).join(" and ")} beside it says`];
  }

  private async unpack(iso: string, staging: string): Promise<string> {
    const folder = join(staging, "unpacked");
    await mkdir(folder);
    await unpackIso(iso, folder, (done, total) => this.tell("unpack", "files", done, total), this.options.signal);
    return folder;
  }

  private async makeVersions(
    { files }: ImportSource,
    checks: Awaited<ReturnType<typeof gatherChecks>>,
    staging: string,
  ): Promise<{ readonly adopted: string | undefined; readonly made: NewVersion }> {
    const options = {
      refuse: this.refuse,
      signal: this.options.signal,
      replace: this.options.replace ?? false,
      used: this.options.used ?? (async () => undefined),
    };
    const keep = (done: number, total: number) => this.tell("keep", "bytes", done, total);
    const take = (done: number, total: number) => this.tell("take", "bytes", done, total);
    const adopted = await adoptPlainTree(this.tree, staging, { ...options, onBytes: keep });
    return { adopted, made: await makeVersion(this.tree, files, checks, staging, { ...options, onBytes: take }) };
  }

  private tell(step: ImportStep, unit: ImportProgress["unit"], done: number, total?: number): void {
    this.options.onProgress?.({ step, unit, done, ...(total !== undefined && { total }) });
  }

  private readonly refuse = (reason: string): never => {
    throw importRefused(this.named, reason);
  };
}

async function readKernelVersion(path: string): Promise<string | undefined> {
  const handle = await open(path, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(KERNEL_HEAD_BYTES));
    return kernelVersion(buffer.subarray(0, bytesRead));
  } finally {
    await handle.close();
  }
}
