/** Fetching the small files that carry a repository's signature. */
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EverbootError, errnoOf } from "../base/errors.ts";
import { fillDurably } from "./durable.ts";
import type { Incoming, Upstream } from "./upstream.ts";

/** Debian's largest is 0.2 MB. */
const MOST_BYTES = 16 << 20;

/** Headers that make the request for the file `name` conditional; none when the upstream gave nothing to compare. */
export interface Conditions {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The signed files that we have. */
export interface KnownFiles {
  readonly folder: string;
  /** Of the file that told it; unknown after a restart. */
  readonly conditions?: Conditions;
}

/** The conditions for the next time, when there is something new. */
export type FetchedFile = "absent" | "unchanged" | Conditions;

/** Fetches `folder`/`name` of the upstream into the folder `into`, unless `known` has the same bytes. */
export async function fetchSigned(
  upstream: Upstream,
  folder: string,
  name: string,
  into: string,
  known?: KnownFiles,
): Promise<FetchedFile> {
  const receive = async (incoming: Incoming) => ({
    bytes: await readAll(`${folder}/${name}`, incoming),
    headers: conditionsFrom(incoming),
  });
  const headers = known?.conditions?.name === name ? known.conditions.headers : {};
  const answer = await upstream.get(`${folder}/${name}`, receive, headers);
  if (answer === "absent" || answer === "unchanged") return answer;
  const before = known && (await readIfThere(join(known.folder, name)));
  if (before?.equals(answer.bytes)) return "unchanged";
  const target = join(into, name);
  await mkdir(dirname(target), { recursive: true });
  await fillDurably(target, (handle) => handle.writeFile(answer.bytes));
  return { name, headers: answer.headers };
}

async function readAll(path: string, incoming: Incoming): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of incoming.chunks) {
    size += chunk.length;
    if (size > MOST_BYTES) throw mismatch(`${path}: more than ${MOST_BYTES} bytes`);
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

export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** EverbootError `upstream-mismatch`; `what` goes to the log. */
export function mismatch(what: string): EverbootError {
  return new EverbootError("upstream-mismatch", {}, new Error(what));
}
