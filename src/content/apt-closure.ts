/**
 * Which packages an install brings: the closure of what packages depend on. It knows neither versions nor conflicts, so
 * that it is an estimate. Pure. Source of the fields: Debian Policy, chapter 7.
 */
import { StanzaReader } from "./stanza-reader.ts";

export interface AptPackage {
  /** One of `PRIORITIES`, or "" where the list gives none. */
  readonly priority: string;
  /** Texts of Pre-Depends and Depends. */
  readonly depends: readonly string[];
  /** The field's text. */
  readonly recommends: string;
}

export interface AptPackages {
  readonly packages: ReadonlyMap<string, AptPackage>;
  /** Names of virtual packages, each with the package that stands for it. */
  readonly providers: ReadonlyMap<string, string>;
}

export interface ClosureOptions {
  /** Recommended packages too? */
  readonly recommends: boolean;
  /** Packages that are there already, with all that they need; they are not in the closure. */
  readonly installed?: ReadonlySet<string>;
}

const FIELDS = ["Package", "Priority", "Pre-Depends", "Depends", "Recommends", "Provides"] as const;
const PRIORITIES: readonly string[] = ["required", "important", "standard", "optional", "extra"];

/** Reads the dependencies of a Packages file piece by piece. Of a package's versions the first counts. */
export class DependencyParser {
  private readonly packages = new Map<string, AptPackage>();
  private readonly providers = new Map<string, string>();
  private readonly reader = new StanzaReader(FIELDS, (stanza) => this.add(stanza));

  push(chunk: Uint8Array): void {
    this.reader.push(chunk);
  }

  finish(): AptPackages {
    this.reader.finish();
    return { packages: this.packages, providers: this.providers };
  }

  private add(stanza: ReadonlyMap<(typeof FIELDS)[number], string>): void {
    const name = stanza.get("Package");
    if (name === undefined || this.packages.has(name)) return;
    const field = (key: (typeof FIELDS)[number]) => stanza.get(key) ?? "";
    const depends = [field("Pre-Depends"), field("Depends")].filter((text) => text !== "");
    this.packages.set(name, { priority: field("Priority"), depends, recommends: field("Recommends") });
    for (const [provided] of relationsOf(field("Provides"))) this.provide(provided, name);
  }

  /** The base system has mawk for `awk`, not the first of the list that could be it. */
  private provide(provided: string | undefined, name: string): void {
    if (provided === undefined) return;
    const known = this.providers.get(provided);
    if (known === undefined || this.rank(name) < this.rank(known)) this.providers.set(provided, name);
  }

  private rank(name: string): number {
    const rank = PRIORITIES.indexOf(this.packages.get(name)?.priority ?? "");
    return rank < 0 ? PRIORITIES.length : rank;
  }
}

/**
 * `roots` and all that they need, each once. Of alternatives the first that exists is taken, unless one is installed;
 * what the list does not have is left out, root or not.
 */
export function closureOf(
  { packages, providers }: AptPackages,
  roots: Iterable<string>,
  { recommends: hasRecommends, installed }: ClosureOptions,
): ReadonlySet<string> {
  const chosen = new Set<string>();
  const choose = (alternatives: readonly string[]) => {
    const existing = alternatives.flatMap((name) => (packages.has(name) ? name : (providers.get(name) ?? [])));
    const [first] = existing;
    if (first !== undefined && !existing.some((name) => installed?.has(name))) chosen.add(first);
  };
  for (const root of roots) choose([root]);
  // A set hands out what is added while it is walked through.
  for (const name of chosen) {
    const { depends = [], recommends = "" } = packages.get(name) ?? {};
    for (const field of hasRecommends ? [...depends, recommends] : depends) relationsOf(field).forEach(choose);
  }
  return chosen;
}

/** `a (>= 1) | b:any, c [amd64]` -> [["a", "b"], ["c"]] */
export function relationsOf(field: string): string[][] {
  return field.split(",").map((relation) => relation.split("|").flatMap((each) => /[^\s:([]+/.exec(each)?.[0] ?? []));
}
