/** Asks a daemon: this machine's over its control socket, or any by its URL and a token. */
import { type ClientRequest, type IncomingMessage, type RequestOptions, request } from "node:http";
import { request as requestTls } from "node:https";
import { ERRORS, type ErrorCode, EverbootError, errnoOf } from "../base/errors.ts";

/** How a daemon is reached: a control socket by its path, or the API by its URL. */
export type DaemonDoor = { readonly socket: string } | { readonly url: string; readonly token?: string };

type Environment = Readonly<Record<string, string | undefined>>;

/** The daemon that the environment names (EVERBOOT_URL, EVERBOOT_TOKEN), else that of the control socket. */
export function daemonDoor(env: Environment, socket: string): DaemonDoor {
  const { EVERBOOT_URL: url, EVERBOOT_TOKEN: token } = env;
  if (url === undefined || url === "") return { socket };
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new EverbootError("usage", { what: `${url} is no URL of a daemon: write it as in http://192.168.77.1:8080` });
  return { url, ...(token !== undefined && token !== "" && { token }) };
}

const GLOBAL_OPTIONS: Readonly<Record<string, string>> = { "--url": "EVERBOOT_URL", "--token": "EVERBOOT_TOKEN" };

/**
 * Takes `--url URL` and `--token TOKEN`, which every command understands, out of a command's arguments; they go before
 * the environment's.
 */
export function takeDaemonOptions(args: readonly string[], env: Environment): { args: string[]; env: Environment } {
  const taken: Record<string, string> = {};
  const rest: string[] = [];
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  for (let place = 0; place < args.length; place++) {
    const [name = "", inline] = splitOption(args[place] ?? "");
    const variable = place < end && Object.hasOwn(GLOBAL_OPTIONS, name) ? GLOBAL_OPTIONS[name] : undefined;
    if (variable === undefined) rest.push(args[place] ?? "");
    else taken[variable] = inline ?? valueAfter(args, place++);
  }
  return { args: rest, env: { ...env, ...taken } };
}

function splitOption(arg: string): [string, string?] {
  const equals = arg.indexOf("=");
  return equals < 0 ? [arg] : [arg.slice(0, equals), arg.slice(equals + 1)];
}

function valueAfter(args: readonly string[], place: number): string {
  const value = args[place + 1];
  if (value === undefined) throw new EverbootError("usage", { what: `${args[place]} takes a value` });
  return value;
}

/**
 * The daemon's JSON answer; rejects with the EverbootError the daemon gave, or `daemon-absent`. `door`: a control
 * socket's path, or what `daemonDoor` says.
 */
export async function askDaemon(
  door: DaemonDoor | string,
  method: string,
  path: string,
  body?: unknown,
): Promise<unknown> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const answer = await exchange(typeof door === "string" ? { socket: door } : door, method, path, text);
  const value: unknown = answer.text === "" ? undefined : parseJson(answer.text);
  if (answer.status < 300) return value;
  throw asError(value);
}

/** A request that is not sent yet; `answered` gets its answer, errors come to the request. */
export function requestDaemon(
  door: DaemonDoor,
  path: string,
  options: Pick<RequestOptions, "method" | "headers" | "signal">,
  answered: (response: IncomingMessage) => void,
): ClientRequest {
  if ("socket" in door) return request({ ...options, socketPath: door.socket, path }, answered);
  const url = new URL(path, door.url);
  const headers = { ...options.headers, ...(door.token !== undefined && { authorization: `Bearer ${door.token}` }) };
  return (url.protocol === "https:" ? requestTls : request)(url, { ...options, headers }, answered);
}

function exchange(door: DaemonDoor, method: string, path: string, body?: string) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const headers =
      body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const call = requestDaemon(door, path, { method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 500, text: Buffer.concat(chunks).toString() }));
    });
    call.on("error", (error) => reject(connectError(error, door)));
    call.end(body);
  });
}

const UNREACHABLE = ["ENOENT", "ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT", "ENOTFOUND", "EAI_AGAIN"];

/** What a failed connection means. */
export function connectError(error: Error, door: DaemonDoor): Error {
  const errno = errnoOf(error) ?? "";
  const place = "socket" in door ? door.socket : door.url;
  if (UNREACHABLE.includes(errno)) return new EverbootError("daemon-absent", { socket: place }, error);
  if (errno === "EACCES")
    return new EverbootError("usage", { what: `${place}: not allowed: run as the daemon's user` });
  return error;
}

/** Undefined for what is no JSON: another program answers there. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a refusal's body says; the daemon has filled in the text already: it is passed on as it is. */
export function asError(value: unknown): EverbootError {
  const { code, text } = (value ?? {}) as { code?: string; text?: string };
  const known: ErrorCode = code !== undefined && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : "internal";
  return new EverbootError(known, {}, undefined, text);
}
