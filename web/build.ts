/**
 * Builds the dashboard: `node web/build.ts` writes web/dist/. The same sources give the same bytes. What has a hash in its
 * name never changes; each file is there compressed too, so that no server compresses for each reader.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const WEB = dirname(fileURLToPath(import.meta.url));
const SOURCES = join(WEB, "src");

/** Replaces the folder as a whole: whoever reads it meanwhile sees the old one or the new one. */
export async function buildDashboard(folder: string): Promise<void> {
  const fresh = `${folder}.${process.pid}`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(join(fresh, "assets"), { recursive: true });
  const asset = (name: string, content: Uint8Array) => {
    const path = `assets/${hashedName(name, content)}`;
    writeCompressed(join(fresh, path), content);
    return `/${path}`;
  };
  const addresses = {
    script: asset("dashboard.js", await bundle(join(SOURCES, "main.tsx"))),
    style: asset("dashboard.css", await bundle(join(SOURCES, "style/index.css"))),
    icon: asset("icon.svg", readFileSync(join(SOURCES, "icon.svg"))),
  };
  const page = Object.entries(addresses).reduce(
    (text, [name, address]) => text.replace(`{${name}}`, address),
    readFileSync(join(SOURCES, "index.html"), "utf8"),
  );
  writeCompressed(join(fresh, "index.html"), Buffer.from(page));
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
}

async function bundle(entry: string): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    outdir: "assets",
    format: "esm",
    // Browsers of 2024: CSS light-dark() came last.
    target: ["es2023"],
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "inline",
    logLevel: "warning",
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error(`esbuild made nothing of ${entry}`);
  return file.contents;
}

/** `dashboard-3f9a1c02b7.js` */
function hashedName(name: string, content: Uint8Array): string {
  const extension = extname(name);
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 10);
  return `${basename(name, extension)}-${hash}${extension}`;
}

function writeCompressed(path: string, content: Uint8Array): void {
  writeFileSync(path, content);
  writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
  writeFileSync(`${path}.br`, brotliCompressSync(content, { params }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildDashboard(join(WEB, "dist"));
