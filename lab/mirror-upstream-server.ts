/**
 * An ordinary mirror, as a program: `mirror-upstream-server FOLDER ADDRESS PORT` serves the folder by HTTP/1.1 with
 * Last-Modified, If-Modified-Since and Range (from a byte on). Prints `ready`, then an UpstreamAnswer as JSON for each
 * answer that has ended. Run by lab/mirror-upstream.ts.
 */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join, normalize } from "node:path";
import { pipeline } from "node:stream/promises";

export interface UpstreamAnswer {
  /** Without a slash before it, not encoded. */
  readonly path: string;
  readonly status: number;
  /** Of the body, as far as it was handed to the kernel. */
  readonly bytes: number;
}

interface Served {
  readonly place: string;
  readonly size: number;
  /** Whole seconds, in milliseconds since 1970. */
  readonly modified: number;
}

async function find(folder: string, path: string): Promise<Served | undefined> {
  const place = join(folder, normalize(`/${path}`));
  const info = await stat(place).catch(() => undefined);
  if (!info?.isFile()) return undefined;
  return { place, size: info.size, modified: Math.floor(info.mtimeMs / 1000) * 1000 };
}

/** Resolves with the bytes of the body that were sent. */
async function answer(folder: string, path: string, request: IncomingMessage, response: ServerResponse) {
  const served = request.method === "GET" ? await find(folder, path) : undefined;
  if (served === undefined) return end(response, request.method === "GET" ? 404 : 405);
  const since = Date.parse(request.headers["if-modified-since"] ?? "");
  if (since >= served.modified) return end(response, 304);
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  if (start >= served.size && start > 0) return end(response, 416);
  return send(served, start, response);
}

function end(response: ServerResponse, status: number): number {
  response.writeHead(status, status === 304 ? {} : { "content-length": 0 }).end();
  return 0;
}

async function send({ place, size, modified }: Served, start: number, response: ServerResponse): Promise<number> {
  response.writeHead(start > 0 ? 206 : 200, {
    "content-length": size - start,
    "last-modified": new Date(modified).toUTCString(),
    ...(start > 0 && { "content-range": `bytes ${start}-${size - 1}/${size}` }),
  });
  const body = createReadStream(place, { start });
  // A client that goes away is none of our troubles.
  await pipeline(body, response).catch(() => undefined);
  return body.bytesRead;
}

function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}

const [folder = ".", address, port] = process.argv.slice(2);
const server = createServer(async (request, response) => {
  const path = decodeURIComponent(request.url ?? "").replace(/^\/+/, "");
  const bytes = await answer(folder, path, request, response);
  tell(JSON.stringify({ path, status: response.statusCode, bytes } satisfies UpstreamAnswer));
});
server.listen(Number(port), address, () => tell("ready"));
