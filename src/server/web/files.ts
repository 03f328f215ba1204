/** The built dashboard (web/build.ts), held in memory: some 130 kB with its compressed forms. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { EverbootError, errnoOf } from "../../base/errors.ts";

/** Where web/build.ts puts it: in a clone below `web`, in the npm package below `dist/web`. */
export const WEB_FOLDER = fileURLToPath(new URL("../../../web/dist", import.meta.url));

/** The first one that a client takes is sent. Names of RFC 9110 section 8.4.1 and RFC 7932. */
export const ENCODINGS = ["br", "gzip", "identity"] as const;
export type Encoding = (typeof ENCODINGS)[number];

export interface EncodedFile {
  readonly bytes: Uint8Array;
  /** Strong, with its quotes; each encoding has its own (RFC 9110 section 8.8.3.3). */
  readonly etag: string;
}

export interface BuiltFile {
  /** Content-Type. */
  readonly type: string;
  /** Its name has a hash of its content: what is at this path never changes. */
  readonly isImmutable: boolean;
  readonly encodings: Readonly<Record<Encoding, EncodedFile>>;
}

/** By path, as `/assets/dashboard-3f9a1c02b7.js`. */
export type BuiltFiles = ReadonlyMap<string, BuiltFile>;

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

const SUFFIXES: Readonly<Record<Encoding, string>> = { br: ".br", gzip: ".gz", identity: "" };

/** Rejects with EverbootError `dashboard-absent` when the folder is not there or not whole. */
export async function loadBuiltFiles(folder: string): Promise<BuiltFiles> {
  try {
    const names = await readdir(folder, { recursive: true });
    const built = names.filter((name) => extname(name) in TYPES);
    const files = await Promise.all(built.map(async (name) => [`/${name}`, await loadFile(folder, name)] as const));
    const byPath = new Map(files);
    if (!byPath.has("/index.html")) throw new EverbootError("dashboard-absent");
    return byPath;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    throw new EverbootError("dashboard-absent", {}, error);
  }
}

async function loadFile(folder: string, name: string): Promise<BuiltFile> {
  const load = async (encoding: Encoding): Promise<EncodedFile> => {
    const bytes = await readFile(join(folder, name + SUFFIXES[encoding]));
    return { bytes, etag: `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"` };
  };
  const [br, gzip, identity] = await Promise.all([load("br"), load("gzip"), load("identity")]);
  const isImmutable = name.startsWith("assets/");
  return { type: TYPES[extname(name)] ?? "", isImmutable, encodings: { br, gzip, identity } };
}
