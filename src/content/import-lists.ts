/** The lists of hashes that install media carry. Pure parsing. */
import { isTreePath } from "./tree-path.ts";

export type HashAlgorithm = "md5" | "sha1" | "sha256" | "sha512";

export interface ListedHash {
  /** Relative to the list's folder, or to the medium's. */
  readonly path: string;
  readonly algorithm: HashAlgorithm;
  /** Lower-case hex. */
  readonly hex: string;
}

/** By the number of hex digits. */
const ALGORITHMS: ReadonlyMap<number, HashAlgorithm> = new Map([
  [32, "md5"],
  [40, "sha1"],
  [64, "sha256"],
  [128, "sha512"],
]);

/**
 * `md5sum.txt`, `SHA256SUMS`, `CHECKSUMS`, `CHECKSUM`: lines as md5sum(1) and its kin write them (`<hex>  <path>`,
 * `<hex> *<path>`), or as BSD's do (`SHA256 (<path>) = <hex>`). All other lines, those of a signature around them too,
 * name nothing.
 */
export function parseSums(text: string): ListedHash[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const [, hex = "", path = ""] = /^([0-9a-fA-F]+) [ *](.+)$/.exec(line) ?? [];
    if (hex !== "") return listed(path, hex);
    const [, named = "", value = ""] = /^[A-Z0-9-]+ \((.+)\) = ([0-9a-fA-F]+)$/.exec(line) ?? [];
    return listed(named, value);
  });
}

/** `.treeinfo` of Red Hat's media: section `checksums`, `<path> = sha256:<hex>`, relative to the medium. */
export function parseTreeinfoSums(text: string): ListedHash[] {
  let section = "";
  return text.split(/\r?\n/).flatMap((line) => {
    section = /^\[(.+)\]\s*$/.exec(line)?.[1] ?? section;
    const [, path = "", hex = ""] = /^(\S.*?)\s*=\s*[a-z0-9]+:([0-9a-fA-F]+)\s*$/.exec(line) ?? [];
    return section === "checksums" ? listed(path, hex) : [];
  });
}

function listed(named: string, hex: string): ListedHash[] {
  const path = named.replace(/^(\.\/)+/, "");
  const algorithm = ALGORITHMS.get(hex.length);
  return algorithm !== undefined && isTreePath(path) ? [{ path, algorithm, hex: hex.toLowerCase() }] : [];
}
