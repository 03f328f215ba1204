/** Downloading an ISO file, over broken lines and killed processes: what is on the disk is not fetched again. */
import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { sleep } from "../base/clock.ts";
import { writeDurably } from "./durable.ts";
import { isoLists, signatureNames } from "./import-iso-checks.ts";
import { importRefused } from "./import-refused.ts";
import { Outage, type RequestOptions, request, startOf, totalOf, validatorOf } from "./import-request.ts";
import { isTreePath, PRIVATE_PREFIX } from "./tree-path.ts";

export interface DownloadOptions extends RequestOptions {
  /** Milliseconds to wait before each further attempt; they begin anew when bytes have come. */
  readonly retryDelays: readonly number[];
  /** Bytes that are here, of all; `total` is undefined when the server does not tell. */
  readonly onBytes: (done: number, total: number | undefined) => void;
}

/** What is known of a file that may not be all here. */
interface Begun {
  readonly url: string;
  /** For If-Range. */
  readonly validator?: string;
  /** Bytes from its start that are on the disk. */
  readonly synced: number;
}

const FOLDER_PREFIX = `${PRIVATE_PREFIX}download-`;
const ABOUT = "about.json";
/** After so many bytes the disk is waited for: a kill or a loss of power costs no more than that. */
const SYNC_EVERY = 32 << 20;
/** Lists of hashes have some kilobytes. */
const MOST_LIST = 1 << 20;

/**
 * Downloads `url` into a folder of its own below `root`, with the lists of hashes that are published beside it.
 * @returns the file's path. Throws EverbootError `import-refused`; what has come by then is kept for the next time.
 */
export async function downloadIso(url: string, root: string, options: DownloadOptions): Promise<string> {
  const name = nameOf(url);
  const folder = join(root, FOLDER_PREFIX + createHash("sha256").update(url).digest("hex").slice(0, 12));
  await mkdir(folder, { recursive: true });
  const path = join(folder, name);
  await new Download(url, folder, path, options).run();
  for (const list of isoLists(name)) {
    if (!(await fetchSmall(url, list, folder, options))) continue;
    for (const signature of signatureNames(list)) await fetchSmall(url, signature, folder, options);
  }
  return path;
}

/** Removes what downloads have brought into the tree's folder `root`. */
export async function removeDownloads(root: string): Promise<void> {
  const names = await readdir(root);
  for (const name of names.filter((each) => each.startsWith(FOLDER_PREFIX))) {
    await rm(join(root, name), { recursive: true, force: true });
  }
}

function nameOf(url: string): string {
  const name = decoded(basename(new URL(url).pathname));
  return isTreePath(name) && !name.includes("/") && name !== ABOUT ? name : "medium.iso";
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return "";
  }
}

/** @returns false when there is no such file, or none to be had now: then nothing is checked with it. */
async function fetchSmall(url: string, name: string, folder: string, options: DownloadOptions): Promise<boolean> {
  const path = join(folder, name);
  await rm(path, { force: true });
  const bytes = await request(new URL(name, url).href, {}, options, smallBody).catch((error: unknown) => {
    if (!(error instanceof Outage)) throw error;
    return undefined;
  });
  if (bytes !== undefined) await writeFile(path, bytes);
  return bytes !== undefined;
}

/** Servers that have a page for what they have not call it HTML. */
async function smallBody(response: Response, chunks: AsyncIterable<Uint8Array>): Promise<Buffer | undefined> {
  if (response.status !== 200 || response.headers.get("content-type")?.startsWith("text/html")) return undefined;
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > MOST_LIST) return undefined;
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

class Download {
  private readonly url: string;
  private readonly folder: string;
  private readonly path: string;
  private readonly options: DownloadOptions;
  private begun: Begun;

  constructor(url: string, folder: string, path: string, options: DownloadOptions) {
    this.url = url;
    this.folder = folder;
    this.path = path;
    this.options = options;
    this.begun = { url, synced: 0 };
  }

  async run(): Promise<void> {
    await this.takeUp();
    const { retryDelays, clock, signal } = this.options;
    for (let failures = 0; ; failures++) {
      const before = this.begun.synced;
      const problem = await this.attempt().catch((error: unknown) => {
        signal?.throwIfAborted();
        if (!(error instanceof Outage)) throw error;
        return error.message;
      });
      if (problem === undefined) return;
      if (this.begun.synced > before) failures = 0;
      const delay = retryDelays[failures];
      if (delay === undefined) {
        throw importRefused(this.url, `the download broke off (${problem}): run it again, it goes on from there`);
      }
      await sleep(clock, delay, signal);
    }
  }

  /** What an earlier process has left. */
  private async takeUp(): Promise<void> {
    const kept = parseBegun(await readFile(join(this.folder, ABOUT), "utf8").catch(() => ""));
    const size = (await stat(this.path).catch(() => undefined))?.size ?? 0;
    if (kept?.url === this.url && kept.synced <= size) this.begun = kept;
  }

  /** @returns what went wrong, in words, when it is worth trying again. */
  private attempt(): Promise<string | undefined> {
    const { synced, validator } = this.begun;
    const resume = synced > 0 && validator !== undefined;
    const headers = resume ? { range: `bytes=${synced}-`, "if-range": validator } : {};
    return request(this.url, headers, this.options, (response, chunks) => this.receive(response, chunks));
  }

  private async receive(response: Response, chunks: AsyncIterable<Uint8Array>): Promise<string | undefined> {
    const { status } = response;
    if (status >= 500) return `status ${status}`;
    const start = status === 416 ? this.begun.synced : startOf(response);
    if (start === undefined) throw importRefused(this.url, `cannot be downloaded: the server says ${status}`);
    // Asked for what comes after the last byte: the file is all here.
    if (status === 416 && totalOf(response) === start) return undefined;
    if (status === 416 || (start !== 0 && start !== this.begun.synced)) {
      this.begun = { url: this.url, synced: 0 };
      return "the file there is another one now";
    }
    await this.write(response, start, chunks);
    const total = totalOf(response);
    return total === undefined || total === this.begun.synced ? undefined : "it ended early";
  }

  private async write(response: Response, start: number, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const validator = validatorOf(response) ?? (start > 0 ? this.begun.validator : undefined);
    this.begun = { url: this.url, ...(validator !== undefined && { validator }), synced: start };
    const total = totalOf(response);
    const handle = await open(this.path, start === 0 ? "w" : "r+");
    let place = start;
    try {
      await handle.truncate(start);
      for await (const chunk of chunks) {
        await writeAt(handle, chunk, place);
        place += chunk.length;
        if (place - this.begun.synced >= SYNC_EVERY) await this.sync(handle, place);
        this.options.onBytes(place, total);
      }
    } finally {
      await this.sync(handle, place).finally(() => handle.close());
    }
  }

  private async sync(handle: FileHandle, synced: number): Promise<void> {
    await handle.sync();
    this.begun = { ...this.begun, synced };
    const target = join(this.folder, ABOUT);
    await rm(`${target}.new`, { force: true });
    await writeDurably(target, `${target}.new`, (file) => file.writeFile(JSON.stringify(this.begun)));
  }
}

async function writeAt(handle: FileHandle, chunk: Uint8Array, place: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    done += (await handle.write(chunk, done, chunk.length - done, place + done)).bytesWritten;
  }
}

/** Undefined for what is damaged: the download begins anew. */
function parseBegun(text: string): Begun | undefined {
  try {
    const { url, validator, synced } = JSON.parse(text) as Record<string, unknown>;
    if (typeof url !== "string" || !Number.isSafeInteger(synced)) return undefined;
    return { url, synced: Number(synced), ...(typeof validator === "string" && { validator }) };
  } catch {
    return undefined;
  }
}
