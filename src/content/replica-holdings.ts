/** What servers have of their trees: told in their records of the common state, and judged here. */
import { EverbootError } from "../base/errors.ts";
import { readManifest } from "./manifest.ts";
import { readDamage } from "./replica-damage.ts";
import { manifestTag } from "./replica-index.ts";
import { currentVersion, isPinned, readVersionManifest, versionId, versionIds } from "./versions.ts";

/** Of one tree on one server. */
export interface TreeHolding {
  /** Versions that are there whole and not known to be damaged, sorted; empty for a plain tree. */
  readonly versions: readonly string[];
  /** The version that is served; absent = a plain tree, served as it lies. */
  readonly current?: string;
  /** Versions that are pinned there, sorted; absent = none is. */
  readonly pinned?: readonly string[];
  /** Of a plain tree: what its manifest's id would be; absent = it has none. */
  readonly manifest?: string;
}

/** By tree. */
export type Holdings = Readonly<Record<string, TreeHolding | undefined>>;

/** By server; one that has told nothing is missing. */
export type SiteHoldings = ReadonlyMap<string, Holdings>;

/** As another server has told it; undefined for what is none. */
export function readHoldings(told: unknown): Holdings | undefined {
  const trees = typeof told === "object" && told !== null && !Array.isArray(told) ? Object.entries(told) : undefined;
  return trees?.every(([, holding]) => isHolding(holding)) ? (told as Holdings) : undefined;
}

function isHolding(told: unknown): told is TreeHolding {
  if (typeof told !== "object" || told === null) return false;
  const { versions, current, manifest, pinned = [] }: Partial<Record<keyof TreeHolding, unknown>> = told;
  const isText = (value: unknown) => value === undefined || typeof value === "string";
  return areTexts(versions) && areTexts(pinned) && isText(current) && isText(manifest);
}

function areTexts(told: unknown): boolean {
  return Array.isArray(told) && told.every((each) => typeof each === "string");
}

/** Looks at the disk; remembers the manifests that it has checked. */
export class HoldingsReader {
  /** By folder and id: the manifest on the disk that was found to be the right one. */
  private readonly sound = new Map<string, string>();

  /** One tree that cannot be read holds nothing; `broken` is told why. */
  async heldVersions(
    trees: readonly { readonly name: string; readonly path: string }[],
    broken: (tree: string, error: unknown) => void = () => undefined,
  ): Promise<Holdings> {
    const held: Record<string, TreeHolding> = {};
    for (const { name, path } of trees) {
      try {
        held[name] = await this.holding(path);
      } catch (error) {
        broken(name, error);
        held[name] = { versions: [] };
      }
    }
    return held;
  }

  private async holding(root: string): Promise<TreeHolding> {
    const versions: string[] = [];
    const pinned: string[] = [];
    for (const id of await versionIds(root)) {
      if (await this.isWhole(root, id)) versions.push(id);
      if (await isPinned(root, id)) pinned.push(id);
    }
    const held = { versions, ...(pinned.length > 0 && { pinned }) };
    const current = await currentVersion(root);
    if (current !== undefined) return { ...held, current };
    const manifest = await readManifest(root);
    return { ...held, ...(manifest && { manifest: versionId(manifest) }) };
  }

  private async isWhole(root: string, id: string): Promise<boolean> {
    const tag = await manifestTag(root, id);
    if (tag === undefined || (await readDamage(root, id)).length > 0) return false;
    const key = `${root} ${id}`;
    if (this.sound.get(key) === tag) return true;
    if (!(await hasRightManifest(root, id))) return false;
    this.sound.set(key, tag);
    return true;
  }
}

async function hasRightManifest(root: string, id: string): Promise<boolean> {
  try {
    await readVersionManifest(root, id);
    return true;
  } catch (error) {
    if (!(error instanceof EverbootError)) throw error;
    return false;
  }
}

/**
 * The servers that may be in the order of a host of this tree: those that hold the version whole and checked. Without a
 * version, as for plain trees and mirrors, all of them. Pure.
 * @param version of the host's install; of none that is given, the one that the cluster calls current
 * @returns names, in the order of `servers`
 */
export function serversHolding(
  servers: readonly string[],
  tree: string,
  version: string | undefined,
  held: SiteHoldings,
): readonly string[] {
  if (version === undefined) return servers;
  return servers.filter((server) => held.get(server)?.[tree]?.versions.includes(version) ?? false);
}
