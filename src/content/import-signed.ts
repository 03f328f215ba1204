/** Signatures of what is taken in: which keys they are checked with, and what is made of the verdict. */
import { access } from "node:fs/promises";
import { EverbootError } from "../base/errors.ts";
import type { Tree } from "../site/model.ts";
import { judgeSignature } from "./signature.ts";

/** Where Debian and Ubuntu put the keys that sign their archives and their media, with the packages that bring them. */
const KEYRINGS: Readonly<Record<string, { readonly paths: readonly string[]; readonly packages: string }>> = {
  debian: {
    paths: ["/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-role-keys.gpg"],
    packages: "debian-archive-keyring debian-keyring",
  },
  ubuntu: { paths: ["/usr/share/keyrings/ubuntu-archive-keyring.gpg"], packages: "ubuntu-keyring" },
};

export interface SignedFile {
  /** Absolute path. */
  readonly path: string;
  /** Absolute path of its detached signature; left out: it is clear-signed. */
  readonly signature?: string;
  /** What it is called in messages. */
  readonly name: string;
}

/** What a signature says. */
export interface SignatureNote {
  /** For the operator. */
  readonly note: string;
  /** What was signed, when a clear-signed file's signature is good. */
  readonly text?: string;
}

/**
 * Checks with the tree's keyring, else with those of its distribution that are installed. What no key here has signed
 * is told, not refused: whoever forges a medium could as well leave the signature out. `refuse` is called for a damaged
 * one, and when the site file names the keyring and none of its keys signed.
 */
export async function checkSigned(
  { path, signature, name }: SignedFile,
  tree: Pick<Tree, "family" | "keyring">,
  refuse: (reason: string) => never,
): Promise<SignatureNote> {
  const keyrings = await keyringsOf(tree);
  const used = keyrings.join(" and ");
  if (used === "") return { note: `${name}: its signature is not checked: ${lackOf(tree.family)}` };
  const verdict = await judgeSignature(path, signature, keyrings).catch(withoutGpgv);
  if (typeof verdict === "string") return { note: `${name}: its signature is not checked: ${verdict}` };
  if (verdict.kind === "good") return { note: `${name}: signed by a key of ${used}`, text: verdict.text };
  const reason = `${name}: the signature is not good: ${verdict.problem}`;
  if (verdict.kind === "bad") return refuse(`${reason}: it is damaged, get it anew`);
  if (tree.keyring !== undefined) return refuse(`${reason}: correct \`keyring\` of the tree, or get it anew`);
  return { note: `${name}: no valid key of ${used} signed it (${verdict.problem})` };
}

function lackOf(family: string): string {
  const packages = KEYRINGS[family]?.packages;
  const install = packages === undefined ? "" : `install ${packages}, or `;
  return `no keyring is here: ${install}name one as \`keyring\` of the tree`;
}

async function keyringsOf({ family, keyring }: Pick<Tree, "family" | "keyring">): Promise<readonly string[]> {
  if (keyring !== undefined) return [keyring];
  const known = KEYRINGS[family]?.paths ?? [];
  const there = await Promise.all(
    known.map((path) =>
      access(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  return known.filter((_, index) => there[index]);
}

function withoutGpgv(error: unknown): string {
  if (!(error instanceof EverbootError) || error.code !== "tool-missing") throw error;
  return "gpgv is not here: install package gpgv";
}
