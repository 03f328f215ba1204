/** The signed Debian mirror that the lab's machines install from: made once, kept in a cache folder, offline then. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { EverbootError, errnoOf } from "../src/base/errors.ts";
import { addCleanup, kill } from "./cleanup.ts";
import { type NetbootImage, netbootImage } from "./prerequisites.ts";

const SCRIPTS = resolve(import.meta.dirname, "mirror");
export const CACHE_FOLDER = resolve(import.meta.dirname, "../.cache/lab");

export interface LabMirror {
  /** Folder with `dists/` and `pool/`, to be served as it is. About 110 MB. */
  readonly folder: string;
  /** The public key that its Release file is signed with, as a binary OpenPGP keyring. */
  readonly keyring: string;
  /** The installer that it feeds. */
  readonly image: NetbootImage;
}

export interface MirrorOptions {
  readonly cacheFolder?: string;
  /** Gets a line for each step of the work, which takes about half a minute the first time. */
  readonly tell?: (line: string) => void;
}

/**
 * Resolves with a mirror that fits the installed netboot image; makes it when the cache holds none that the present
 * scripts made for that image. Rejects with `tool-missing` or `lab-broken` (one line: what to do).
 */
export async function prepareMirror(options: MirrorOptions = {}): Promise<LabMirror> {
  const image = netbootImage();
  if (!image) {
    const details = { tool: "the netboot image", purpose: "the lab", package: "debian-installer-12-netboot-amd64" };
    throw new EverbootError("tool-missing", details);
  }
  const cache = resolve(options.cacheFolder ?? CACHE_FOLDER);
  const folder = join(cache, `mirror-${image.release}-${keyOf(image)}`);
  if (!existsSync(folder)) await make(folder, image, options.tell ?? (() => undefined));
  return { folder, keyring: join(folder, "lab-archive.gpg"), image };
}

/** What the mirror is made from: equal keys mean equal contents, up to the archive's own updates. */
function keyOf(image: NetbootImage): string {
  const hash = createHash("sha256").update(image.release);
  for (const name of readdirSync(SCRIPTS).sort()) hash.update(name).update(readFileSync(join(SCRIPTS, name)));
  return hash
    .update(readFileSync(join(image.folder, "initrd.gz")))
    .digest("hex")
    .slice(0, 12);
}

/** Made beside its place and moved there when complete, so that a half-made one is never taken for a whole one. */
async function make(folder: string, image: NetbootImage, tell: (line: string) => void): Promise<void> {
  const partial = `${folder}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  const remove = () => rmSync(partial, { recursive: true, force: true });
  const forget = addCleanup(remove);
  try {
    await build(partial, image, tell);
    renameSync(partial, folder);
  } catch (error) {
    // another process was quicker: its mirror is as good
    if (errnoOf(error) !== "ENOTEMPTY" && errnoOf(error) !== "EEXIST") throw error;
  } finally {
    remove();
    forget();
  }
}

function build(out: string, image: NetbootImage, tell: (line: string) => void): Promise<void> {
  const child = spawn("bash", [join(SCRIPTS, "build.sh"), out, image.folder, image.release], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const forget = addCleanup(() => kill(child.pid, "SIGTERM"));
  let complaint = "";
  createInterface({ input: child.stdout }).on("line", tell);
  createInterface({ input: child.stderr }).on("line", (line) => {
    complaint = line.replace(/^error: /, "");
  });
  return new Promise((done, fail) => {
    child.once("error", fail);
    child.once("close", (code) => {
      forget();
      if (code === 0) done();
      else fail(new EverbootError("lab-broken", { reason: `no package mirror: ${complaint}` }));
    });
  });
}
