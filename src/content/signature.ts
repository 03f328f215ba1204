/** OpenPGP signatures of Release files, checked by `gpgv` as apt does. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { EverbootError, errnoOf } from "../base/errors.ts";

/** The signed text of an InRelease file. Throws `upstream-mismatch` unless a key of `keyring` signed it. */
export async function checkClearSigned(path: string, keyring: string): Promise<string> {
  const { status, output } = await gpgv([keyring], ["--output", "-", path]);
  requireValid(status, path);
  return output.toString("utf8");
}

/** Throws `upstream-mismatch` unless `signature` is a signature of `path` by a key of `keyring`. */
export async function checkDetached(path: string, signature: string, keyring: string): Promise<void> {
  const { status } = await gpgv([keyring], [signature, path]);
  requireValid(status, path);
}

function requireValid(status: string, path: string): void {
  const problem = signatureProblem(status);
  if (problem !== undefined) throw new EverbootError("upstream-mismatch", {}, new Error(`${path}: ${problem}`));
}

/** `unknown`: by no key that we have, or by one that has expired. */
export type SignatureVerdict =
  /** `text`: what was signed, of a clear-signed file. */
  { readonly kind: "good"; readonly text: string } | { readonly kind: "bad" | "unknown"; readonly problem: string };

/**
 * Judges the signature of `path` in the file `signature`, or in `path` itself when that is clear-signed. Throws
 * EverbootError `tool-missing` when there is no gpgv.
 */
export async function judgeSignature(
  path: string,
  signature: string | undefined,
  keyrings: readonly string[],
): Promise<SignatureVerdict> {
  const args = signature === undefined ? ["--output", "-", path] : [signature, path];
  const { status, output } = await gpgv(keyrings, args);
  const problem = signatureProblem(status);
  if (problem === undefined) return { kind: "good", text: output.toString("utf8") };
  return { kind: brokenKeyword(keywordsOf(status)) === undefined ? "unknown" : "bad", problem };
}

/** Hash algorithms of RFC 9580 section 9.5 that no longer prove anything: MD5, SHA-1, RIPEMD-160. */
const WEAK_HASHES = new Set(["1", "2", "3"]);

/** gpgv's words for data that is damaged or more than one signed text. */
const BROKEN = new Set(["BADSIG", "BADARMOR", "NODATA", "UNEXPECTED", "ERROR"]);

/**
 * Reads what gpgv says on its status file descriptor (GnuPG, doc/DETAILS): `undefined` when at least one signature is
 * good, by a known key that has not expired, with a strong hash, and none is bad. Signatures by keys that we do not have
 * are no problem: an archive that changes keys signs with the old and the new.
 */
export function signatureProblem(status: string): string | undefined {
  const lines = linesOf(status);
  const keywords = keywordsOf(status);
  const broken = brokenKeyword(keywords);
  if (broken !== undefined) return `gpgv says ${broken}`;
  const valid = lines.some((words, index) => isStrong(words) && followsGood(keywords, index));
  return valid ? undefined : `no valid signature (gpgv says ${keywords.join(" ") || "nothing"})`;
}

function linesOf(status: string): string[][] {
  const lines = status.split("\n").filter((line) => line.startsWith("[GNUPG:] "));
  return lines.map((line) => line.split(" ").slice(1));
}

function keywordsOf(status: string): string[] {
  return linesOf(status).map(([keyword = ""]) => keyword);
}

function brokenKeyword(keywords: readonly string[]): string | undefined {
  return keywords.find((keyword) => BROKEN.has(keyword));
}

/** VALIDSIG's eighth argument is the hash algorithm. */
function isStrong(words: readonly string[]): boolean {
  return words[0] === "VALIDSIG" && !WEAK_HASHES.has(words[8] ?? "");
}

/** VALIDSIG comes after EXPKEYSIG and REVKEYSIG too. */
function followsGood(keywords: readonly string[], index: number): boolean {
  return keywords.slice(0, index).findLast((keyword) => keyword.endsWith("SIG")) === "GOODSIG";
}

async function gpgv(keyrings: readonly string[], args: readonly string[]): Promise<{ status: string; output: Buffer }> {
  const keys = keyrings.flatMap((keyring) => ["--keyring", keyring]);
  const child = spawn("gpgv", [...keys, "--status-fd", "3", ...args], {
    stdio: ["ignore", "pipe", "ignore", "pipe"],
  });
  try {
    const ended = once(child, "close");
    const [stdout, statusPipe] = [child.stdio[1], child.stdio[3]] as [Readable, Readable];
    const [status, output] = await Promise.all([text(statusPipe), buffer(stdout), ended]);
    return { status, output };
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    throw new EverbootError("tool-missing", { tool: "gpgv", purpose: "a signature", package: "gpgv" }, error);
  }
}
