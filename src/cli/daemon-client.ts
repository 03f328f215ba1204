/** Asks the running daemon over its control socket. */
import { request } from "node:http";
import { ERRORS, type ErrorCode, EverbootError, errnoOf } from "../base/errors.ts";

/** The daemon's JSON answer; rejects with the EverbootError the daemon gave, or `daemon-absent`. */
export async function askDaemon(socket: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const answer = await exchange(socket, method, path, text);
  const value: unknown = answer.text === "" ? undefined : JSON.parse(answer.text);
  if (answer.status < 300) return value;
  throw asError(value);
}

function exchange(socketPath: string, method: string, path: string, body?: string) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const headers =
      body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const call = request({ socketPath, method, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 500, text: Buffer.concat(chunks).toString() }));
    });
    call.on("error", (error) => reject(connectError(error, socketPath)));
    call.end(body);
  });
}

function connectError(error: Error, socket: string): Error {
  const errno = errnoOf(error);
  if (errno === "ENOENT" || errno === "ECONNREFUSED") return new EverbootError("daemon-absent", { socket }, error);
  if (errno === "EACCES")
    return new EverbootError("usage", { what: `${socket}: not allowed: run as the daemon's user` });
  return error;
}

/** The daemon has filled in the text already: it is passed on as it is. */
function asError(value: unknown): Error {
  const { code, text } = (value ?? {}) as { code?: string; text?: string };
  const known: ErrorCode = code !== undefined && code in ERRORS ? (code as ErrorCode) : "internal";
  return new EverbootError(known, {}, undefined, text);
}
