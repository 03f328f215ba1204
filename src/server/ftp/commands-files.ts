/** Commands about files and folders. */
import { errorKind } from "../../base/errors.ts";
import { bytesFile } from "../../content/segments.ts";
import type { Lookup, ServedFile } from "../../content/served-file.ts";
import type { FolderEntry } from "./folders.ts";
import { asLines, factsLine, listLine, timeValue } from "./listing.ts";
import { errorReply, type Reply, reply } from "./reply.ts";
import { type Asked, codeOf, type Handler, pathOf, type Standing, type Verdict } from "./standing.ts";

/** By verb. */
export const FILE_COMMANDS: Readonly<Record<string, Handler>> = {
  RETR: retr,
  SIZE: (asked) => describe(asked, ({ size }) => String(size)),
  MDTM: (asked) => describe(asked, ({ modified }) => timeValue(modified)),
  LIST: (asked) => list(asked, (entry) => listLine(entry, asked.sources.now())),
  NLST: nlst,
  MLSD: mlsd,
  MLST: mlst,
  STAT: stat,
};

const NO_NAME = reply(501, "A name is missing.");

async function retr(asked: Asked): Promise<Verdict> {
  const offset = takeRestart(asked.standing);
  const path = namedPath(asked);
  if (typeof path !== "string") return path;
  const found = await findFile(asked, path);
  delete asked.standing.found;
  if (found.kind !== "file") {
    const code = codeOf(found, "file-absent");
    return { kind: "no-file", path, status: errorKind(code).status, reply: errorReply(code) };
  }
  // RFC 1123 section 4.1.3.4: the file is not the one that the client has the beginning of.
  if (offset > found.file.size) return reply(554, `The file ends at ${found.file.size}.`);
  return { kind: "send", file: found.file, offset, path };
}

async function describe(asked: Asked, text: (file: ServedFile) => string): Promise<Verdict> {
  const path = namedPath(asked);
  if (typeof path !== "string") return path;
  const found = await findFile(asked, path);
  return found.kind === "file" ? reply(213, text(found.file)) : errorReply(codeOf(found, "file-absent"));
}

async function list(asked: Asked, line: (entry: FolderEntry) => string): Promise<Verdict> {
  takeRestart(asked.standing);
  const seen = await look({ ...asked, argument: withoutOptions(asked.argument) });
  if (seen.kind === "reply") return seen;
  return sendText(asLines((seen.kind === "file" ? [seen.entry] : await seen.entries()).map(line)));
}

/** Names begin as they were asked for, so that they can be asked for again (RFC 1123 section 4.1.2.7). */
function nlst(asked: Asked): Promise<Verdict> {
  const wanted = withoutOptions(asked.argument);
  const folder = wanted === "" || wanted === "." ? "" : `${wanted.replace(/\/+$/, "")}/`;
  return list(asked, ({ name, kind }) =>
    kind === "file" && wanted.split("/").at(-1) === name ? wanted : folder + name,
  );
}

async function mlsd(asked: Asked): Promise<Verdict> {
  takeRestart(asked.standing);
  const seen = await look(asked);
  if (seen.kind === "reply") return seen;
  if (seen.kind === "file") return reply(501, "That is no folder.");
  return sendText(asLines((await seen.entries()).map((entry) => factsLine(entry, asked.standing.facts))));
}

/** Over the control connection, by its whole path (RFC 3659 section 7.4). */
async function mlst(asked: Asked): Promise<Verdict> {
  const seen = await look(asked);
  if (seen.kind === "reply") return seen;
  return reply(250, "Facts:", [factsLine({ ...seen.entry, name: seen.path }, asked.standing.facts)]);
}

/** Without a name it is about the connection (RFC 959 section 4.1.3). */
async function stat(asked: Asked): Promise<Verdict> {
  const name = withoutOptions(asked.argument);
  if (name === "") return { kind: "status" };
  const seen = await look({ ...asked, argument: name });
  if (seen.kind === "reply") return seen;
  const entries = seen.kind === "file" ? [seen.entry] : await seen.entries();
  const lines = entries.map((entry) => listLine(entry, asked.sources.now()));
  return reply(seen.kind === "file" ? 213 : 212, "Status:", lines);
}

type Seen =
  | { readonly kind: "file"; readonly path: string; readonly entry: FolderEntry }
  | {
      readonly kind: "folder";
      readonly path: string;
      readonly entry: FolderEntry;
      entries(): Promise<readonly FolderEntry[]>;
    }
  | Reply;

/** A folder first: to look for a file may mean to fetch it. */
async function look(asked: Asked): Promise<Seen> {
  const path = pathOf(asked);
  if (typeof path !== "string") return path;
  const name = path.slice(path.lastIndexOf("/") + 1);
  const folder = await asked.sources.folders(path, asked.from);
  if (folder.kind === "folder") {
    const entry = { name, kind: "folder", size: 0, modified: folder.modified } as const;
    return { kind: "folder", path, entry, entries: () => folder.entries() };
  }
  const found = folder.kind === "absent" ? await findFile(asked, path) : folder;
  if (found.kind !== "file") return errorReply(codeOf(found, "file-absent"));
  const { size, modified } = found.file;
  return { kind: "file", path, entry: { name, kind: "file", size, modified } };
}

async function findFile({ standing, sources, from }: Asked, path: string): Promise<Lookup> {
  if (standing.found?.path === path) return { kind: "file", file: standing.found.file };
  delete standing.found;
  const found = await sources.files(path, from);
  if (found.kind === "file") standing.found = { path, file: found.file };
  return found;
}

function namedPath(asked: Asked): string | Reply {
  return asked.argument === "" ? NO_NAME : pathOf(asked);
}

/** It is for one transfer, whatever comes of it. */
function takeRestart(standing: Standing): number {
  const { restart } = standing;
  standing.restart = 0;
  return restart;
}

/** Clients write `LIST -a`; everything is shown anyway. */
function withoutOptions(argument: string): string {
  return argument.replace(/^(?:-\S*(?:\s+|$))+/, "");
}

function sendText(text: string): Verdict {
  return { kind: "send", file: bytesFile(Buffer.from(text), "text/plain; charset=utf-8", 0), offset: 0 };
}
