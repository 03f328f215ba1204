/**
 * Remembers where files of a folder were found, and looks each time whether that still holds: two questions to the
 * kernel's memory in place of a dozen to the disk.
 */
import { join } from "node:path";
import type { FileVersion } from "./file-version.ts";
import { isAsItWas, quickStat, quickStatOncePerTurn } from "./quick-stat.ts";
import type { Lookup } from "./served-file.ts";

interface Entry {
  readonly path: string;
  readonly lookup: Lookup;
  readonly version: FileVersion;
  /** Of the manifest that it was found by; undefined = there was none. */
  readonly manifest: FileVersion | undefined;
  /** When it was last looked at, in milliseconds. */
  seen: number;
}

/** One that was just written may be written again before its time changes: kernels count in steps of 4 ms. */
const SETTLED_MS = 100;
/** The kernel may have forgotten the file by then, and asking would wait for the disk. */
const FRESH_MS = 60_000;
const MOST = 20_000;

export class FreshLookups {
  private readonly root: string;
  private readonly manifest: string;
  private readonly now: () => number;
  private readonly entries = new Map<string, Entry>();

  /** @param now milliseconds, of a clock that is never set */
  constructor(root: string, manifest: string, now: () => number = () => performance.now()) {
    this.root = root;
    this.manifest = join(root, manifest);
    this.now = now;
  }

  /** What would be found now; undefined = it has to be looked for. */
  get(relativePath: string): Lookup | undefined {
    const entry = this.entries.get(relativePath);
    if (!entry) return undefined;
    const now = this.now();
    if (now - entry.seen < FRESH_MS && this.holds(entry)) {
      entry.seen = now;
      return entry.lookup;
    }
    this.entries.delete(relativePath);
    return undefined;
  }

  /** `version` and `manifest` are those that the lookup was made from. */
  keep(relativePath: string, lookup: Lookup, version: FileVersion, manifest: FileVersion | undefined): void {
    if (Date.now() - version.ctimeMs < SETTLED_MS) return;
    if (this.entries.size >= MOST) this.entries.clear();
    const path = join(this.root, relativePath);
    this.entries.set(relativePath, { path, lookup, version, manifest, seen: this.now() });
  }

  private holds({ path, version, manifest }: Entry): boolean {
    return isAsItWas(quickStatOncePerTurn(this.manifest), manifest) && isAsItWas(quickStat(path), version);
  }
}
