/** What is published beside an ISO file: its own hash, in a list with others' or alone. */
import { basename, dirname, join } from "node:path";
import type { Tree } from "../site/model.ts";
import { CheckList, checkListSignature, SIGNATURES, textIfThere, type WantedHash } from "./import-check-list.ts";
import { parseSums } from "./import-lists.ts";
import { checkSigned } from "./import-signed.ts";

/** Names of the lists in which an ISO file's hash is published, beside it: Debian and Ubuntu, Red Hat and its kin, SUSE. */
export function isoLists(name: string): readonly string[] {
  return ["SHA256SUMS", "CHECKSUM", ...[".CHECKSUM", ".sha256", ".sha256sum"].map((ending) => name + ending)];
}

/** Names of the files that may hold a list's signature. */
export function signatureNames(list: string): readonly string[] {
  return SIGNATURES.map((ending) => list + ending);
}

/** `wanted` is empty when nothing beside the file names it. `refuse` is called for bad signatures. */
export async function isoChecks(
  iso: string,
  tree: Pick<Tree, "family" | "keyring">,
  refuse: (reason: string) => never,
): Promise<{ readonly wanted: readonly WantedHash[]; readonly notes: readonly string[] }> {
  const checks = new CheckList(tree, refuse);
  for (const name of isoLists(basename(iso))) {
    const path = join(dirname(iso), name);
    const text = await textIfThere(path);
    const hash = text === undefined ? undefined : parseSums(text).find((each) => basename(each.path) === basename(iso));
    if (text === undefined || hash === undefined) continue;
    checks.want(iso, { algorithm: hash.algorithm, hex: hash.hex, by: name });
    if (/^-----BEGIN PGP SIGNED MESSAGE-----/m.test(text)) {
      checks.notes.push((await checkSigned({ path, name }, tree, refuse)).note);
    } else await checkListSignature(checks, path, name);
  }
  return { wanted: checks.wanted.get(iso) ?? [], notes: checks.notes };
}
