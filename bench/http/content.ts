/** The files that are fetched: many of a package mirror's sizes, one image, and tiny ones. The same bytes each time. */
import { createCipheriv, createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeManifest } from "../../src/content/manifest.ts";

export interface Wanted {
  /** Relative to the folder. */
  readonly path: string;
  readonly size: number;
}

export interface Content {
  readonly folder: string;
  /** Packages as a mirror has them: sizes log-normal, 1.2 MB on average. */
  readonly urls: readonly Wanted[];
  readonly image: readonly Wanted[];
  readonly tiny: readonly Wanted[];
}

const MEAN = 1_200_000;
/** Of the sizes' natural logarithm: half of all files are below 390 kB, as in Debian's archive. */
const SIGMA = 1.5;
const PIECE = 1 << 20;
const KEY = createHash("sha256").update("everboot").digest().subarray(0, 16);

/** @param share of the usual amount: less is enough to see whether it works */
export async function makeContent(folder: string, share = 1): Promise<Content> {
  const count = (usual: number) => Math.max(1, Math.round(usual * share));
  const content = {
    urls: Array.from({ length: count(1500) }, (_, place) => ({ path: `pool/${place}.deb`, size: packageSize(place) })),
    image: [{ path: "images/root.img", size: count(700_000_000) }],
    tiny: Array.from({ length: count(500) }, (_, place) => ({ path: `tiny/${place}.conf`, size: 900 + (place % 200) })),
  };
  const all = [...content.urls, ...content.image, ...content.tiny];
  // As every tree that was imported or mirrored has one.
  const manifest = new Map(all.map(({ path, size }) => [path, { size, sha256: put(join(folder, path), size) }]));
  await writeManifest(folder, manifest);
  return { folder, ...content };
}

/** Quantiles of the distribution in a shuffled order: the sizes are the same each time, and their mean is MEAN. */
function packageSize(place: number): number {
  const share = ((place * 947) % 1500) / 1500 + 1 / 3000;
  return Math.max(512, Math.round(Math.exp(Math.log(MEAN) - SIGMA ** 2 / 2 + SIGMA * normalQuantile(share))));
}

/** Of the standard normal distribution: Abramowitz and Stegun 26.2.23, to 0.00045. */
function normalQuantile(share: number): number {
  const tail = Math.min(share, 1 - share);
  const t = Math.sqrt(-2 * Math.log(tail));
  const above = 2.515517 + t * (0.802853 + t * 0.010328);
  const below = 1 + t * (1.432788 + t * (0.189269 + t * 0.001308));
  return (share < 0.5 ? -1 : 1) * (t - above / below);
}

/** Writes `size` bytes that look random. @returns their SHA-256 */
function put(path: string, size: number): string {
  mkdirSync(dirname(path), { recursive: true });
  const cipher = createCipheriv("aes-128-ctr", KEY, Buffer.alloc(16));
  const hash = createHash("sha256");
  const zeros = Buffer.alloc(Math.min(size, PIECE));
  const fd = openSync(path, "w");
  for (let done = 0; done < size; ) {
    const bytes = cipher.update(zeros.subarray(0, size - done));
    hash.update(bytes);
    writeSync(fd, bytes);
    done += bytes.length;
  }
  closeSync(fd);
  return hash.digest("hex");
}
