/** One signed state of a suite: fetching its Release files together, and checking them. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { EverbootError, errnoOf } from "../base/errors.ts";
import { parseRelease, type Release } from "./apt-index.ts";
import { fillDurably } from "./durable.ts";
import { checkClearSigned, checkDetached } from "./signature.ts";
import type { Incoming, Upstream } from "./upstream.ts";

/** The files of `dists/<suite>/` that carry the signature. */
export const SIGNED_NAMES = ["InRelease", "Release", "Release.gpg"] as const;
export type SignedName = (typeof SIGNED_NAMES)[number];

/** Debian's largest is 0.2 MB. */
const MOST_BYTES = 16 << 20;

/** Headers that make the request for the file `name` conditional; none when the upstream gave nothing to compare. */
export interface Conditions {
  readonly name: SignedName;
  readonly headers: Readonly<Record<string, string>>;
}

/** The state of the suite that we have. */
export interface KnownRelease {
  /** Folder with its files. */
  readonly folder: string;
  /** Of the file that told it; unknown after a restart. */
  readonly conditions?: Conditions;
}

/** The conditions for the next time, when there is something new. */
export type FetchedRelease = "absent" | "unchanged" | Conditions;

/**
 * Fetches the signed files of a suite into the empty folder `into`: InRelease if there is one, else Release and
 * Release.gpg; with an InRelease also those two if the upstream has them. Nothing is checked yet.
 */
export async function fetchRelease(
  upstream: Upstream,
  suite: string,
  into: string,
  known?: KnownRelease,
): Promise<FetchedRelease> {
  const fetchOne = (name: SignedName, since?: KnownRelease) =>
    fetchSigned(upstream, `dists/${suite}`, name, into, since);
  const inRelease = await fetchOne("InRelease", known);
  if (inRelease === "unchanged") return inRelease;
  const signature = await fetchOne("Release.gpg");
  if (inRelease === "absent") return signature === "absent" ? "absent" : fetchOne("Release", known);
  if (signature !== "absent") await fetchOne("Release");
  return inRelease;
}

async function fetchSigned(
  upstream: Upstream,
  folder: string,
  name: SignedName,
  into: string,
  known?: KnownRelease,
): Promise<FetchedRelease> {
  const receive = async (incoming: Incoming) => ({ bytes: await readAll(incoming), headers: conditionsFrom(incoming) });
  const headers = known?.conditions?.name === name ? known.conditions.headers : {};
  const answer = await upstream.get(`${folder}/${name}`, receive, headers);
  if (answer === "absent" || answer === "unchanged") return answer;
  const before = known && (await readIfThere(join(known.folder, name)));
  if (before?.equals(answer.bytes)) return "unchanged";
  await fillDurably(join(into, name), (handle) => handle.writeFile(answer.bytes));
  return { name, headers: answer.headers };
}

async function readAll(incoming: Incoming): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of incoming.chunks) {
    size += chunk.length;
    if (size > MOST_BYTES) throw mismatch("a Release file of more than 16 MB");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function conditionsFrom(incoming: Incoming): Record<string, string> {
  const etag = incoming.header("etag");
  const modified = incoming.header("last-modified");
  return {
    ...(etag === undefined ? {} : { "if-none-match": etag }),
    ...(modified === undefined ? {} : { "if-modified-since": modified }),
  };
}

export interface SignedRelease {
  readonly release: Release;
  /**
   * Of Release.gpg: the Debian installer (net-retriever) wants it and knows no InRelease. `out-of-step`: it is of another
   * state than InRelease, as on mirrors that are being updated, and was removed.
   */
  readonly detached: "valid" | "none" | "out-of-step";
}

/**
 * Checks the signed files in `folder` and reads what they say. InRelease, if there is one, must be validly signed by a
 * key of `keyring` and be about `suite`, else Release and Release.gpg must. Beside an InRelease there is always a Release
 * with the same text afterwards. Throws EverbootError `upstream-mismatch`.
 */
export async function readSignedRelease(folder: string, suite: string, keyring: string): Promise<SignedRelease> {
  const inRelease = join(folder, "InRelease");
  if ((await readIfThere(inRelease)) === undefined) {
    return { release: requireRelease(await readDetached(folder, keyring), suite), detached: "valid" };
  }
  const text = await checkClearSigned(inRelease, keyring);
  const release = requireRelease(text, suite);
  const detached = await compareDetached(folder, text, keyring);
  if (detached !== "valid") await replaceRelease(folder, text);
  return { release, detached };
}

/** The text of Release, when Release.gpg is a valid signature of it. */
async function readDetached(folder: string, keyring: string): Promise<string> {
  const path = join(folder, "Release");
  await checkDetached(path, join(folder, "Release.gpg"), keyring);
  return readFile(path, "utf8");
}

async function compareDetached(folder: string, text: string, keyring: string): Promise<SignedRelease["detached"]> {
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

function requireRelease(text: string, suite: string): Release {
  const release = parseRelease(text);
  if (release === undefined) throw mismatch(`${suite}: no SHA256 section`);
  const names = [release.codename, release.suite].filter((name) => name !== undefined);
  // A mirror could else answer with a validly signed Release of another suite.
  if (names.length > 0 && !names.includes(suite))
    throw mismatch(`${suite}: the Release file is of ${names.join(", ")}`);
  return release;
}

/** Clear signing (RFC 9580 section 7.2) does not cover white space at the ends of lines. */
function trimLines(text: string): string {
  return text.replace(/[ \t\r]+$/gm, "").trimEnd();
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function mismatch(what: string): EverbootError {
  return new EverbootError("upstream-mismatch", {}, new Error(what));
}
