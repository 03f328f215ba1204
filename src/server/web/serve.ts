/** What a browser gets of the dashboard: open to all, as it holds nothing but itself. */
import { EverbootError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { ServeWeb } from "../api/beside.ts";
import { type BuiltFile, type BuiltFiles, ENCODINGS, type Encoding, loadBuiltFiles, WEB_FOLDER } from "./files.ts";

/**
 * Reads the built dashboard. Where it is not built that is logged, the API goes on without it, and whoever asks for a page
 * meets EverbootError `dashboard-absent`.
 */
export async function openDashboard(log: Log, folder: string = WEB_FOLDER): Promise<ServeWeb> {
  try {
    return serveFiles(await loadBuiltFiles(folder));
  } catch (error) {
    if (!(error instanceof EverbootError)) throw error;
    log.warn({ folder }, error.message);
    return (path) => {
      if (isPage(path)) throw error;
      return undefined;
    };
  }
}

/** Pages that only the script knows (web/src/router.ts) get the index. */
export function serveFiles(files: BuiltFiles): ServeWeb {
  return (path, encodings) => {
    const file = files.get(path) ?? (isPage(path) ? files.get("/index.html") : undefined);
    if (file === undefined) return undefined;
    const encoding = chooseEncoding(encodings);
    const { bytes, etag } = file.encodings[encoding];
    const coding = encoding === "identity" ? {} : { "content-encoding": encoding };
    const headers = { ...SECURITY, "cache-control": cacheRule(file), vary: "accept-encoding", ...coding };
    return { body: bytes, type: file.type, etag, headers };
  };
}

/**
 * Nothing from elsewhere, nothing inline, in nobody's frame (Content Security Policy Level 3). The page comes over plain
 * HTTP: `upgrade-insecure-requests` would break it.
 */
const POLICY = [
  "default-src 'none'",
  ...["script-src", "style-src", "img-src", "connect-src"].map((kind) => `${kind} 'self'`),
  ...["base-uri", "form-action", "frame-ancestors"].map((kind) => `${kind} 'none'`),
].join("; ");

const SECURITY = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

/** A last part with a dot is a file's name, but for hosts: their names may have dots. */
function isPage(path: string): boolean {
  return /^\/hosts\/[^/]+$/.test(path) || !/\.[^/]*$/.test(path);
}

function cacheRule({ isImmutable }: BuiltFile): string {
  return isImmutable ? "public, max-age=31536000, immutable" : "no-cache";
}

/** The first of ours that the client takes (RFC 9110 section 12.5.3); `q=0` refuses one. */
function chooseEncoding(accepted: string): Encoding {
  const wanted = new Map(
    accepted.split(",").map((part) => {
      const [name = "", ...parameters] = part.split(";").map((piece) => piece.trim().toLowerCase());
      return [name, !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))] as const;
    }),
  );
  return ENCODINGS.find((encoding) => wanted.get(encoding) ?? wanted.get("*")) ?? "identity";
}
