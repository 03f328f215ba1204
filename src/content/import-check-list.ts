/** Gathering what the lists of a medium say of its files, and whether they are signed. */
import { access, readFile } from "node:fs/promises";
import type { Tree } from "../site/model.ts";
import type { HashAlgorithm } from "./import-lists.ts";
import { checkSigned } from "./import-signed.ts";

/** What a file must be. */
export interface WantedHash {
  readonly algorithm: HashAlgorithm;
  readonly hex: string;
  /** The list that says so. */
  readonly by: string;
}

export interface MediumChecks {
  /** By path inside the tree. */
  readonly wanted: ReadonlyMap<string, readonly WantedHash[]>;
  /** For the operator: what is signed, what cannot be checked. */
  readonly notes: readonly string[];
}

/** Gathers checks; the parts of this room that read lists add to it. */
export class CheckList implements MediumChecks {
  readonly wanted = new Map<string, WantedHash[]>();
  readonly notes: string[] = [];
  /** Ends the import: `reason` says what is wrong with the medium. */
  readonly refuse: (reason: string) => never;
  readonly tree: Pick<Tree, "family" | "keyring">;

  constructor(tree: Pick<Tree, "family" | "keyring">, refuse: (reason: string) => never) {
    this.tree = tree;
    this.refuse = refuse;
  }

  want(path: string, hash: WantedHash): void {
    const before = this.wanted.get(path);
    if (before === undefined) this.wanted.set(path, [hash]);
    else before.push(hash);
  }
}

/** Extensions of detached signatures, by whom: Ubuntu and Debian; Debian's media; SUSE. */
export const SIGNATURES = [".gpg", ".sign", ".asc"];

/** Tells of the detached signature beside a list, if it has one. `name`: the list in messages. */
export async function checkListSignature(checks: CheckList, path: string, name: string): Promise<void> {
  for (const ending of SIGNATURES) {
    const signature = path + ending;
    if (!(await isThere(signature))) continue;
    checks.notes.push((await checkSigned({ path, signature, name }, checks.tree, checks.refuse)).note);
    return;
  }
}

/** Undefined: there is no such file. */
export async function textIfThere(path: string): Promise<string | undefined> {
  return (await isThere(path)) ? readFile(path, "utf8") : undefined;
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
