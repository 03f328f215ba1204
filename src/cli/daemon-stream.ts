/** Live streams of a daemon: server-sent events, gone on with after every break. */
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { type Clock, sleep } from "../base/clock.ts";
import { EverbootError, errnoOf, errorKind } from "../base/errors.ts";
import { asError, connectError, type DaemonDoor, parseJson, requestDaemon } from "./daemon-client.ts";
import { createStreamParser, type StreamMessage, type StreamParser } from "./daemon-stream-parse.ts";

export type { StreamMessage } from "./daemon-stream-parse.ts";

/** `away`: the stream is broken, for the reason in `text`; it is being tried again. `open`: it goes on. */
export type StreamItem =
  | { readonly kind: "open" }
  | { readonly kind: "message"; readonly message: StreamMessage }
  | { readonly kind: "away"; readonly text: string };

export interface StreamOptions {
  readonly door: DaemonDoor;
  readonly path: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** A daemon that sends nothing for so long, not even a heartbeat, hangs. Milliseconds. */
  readonly silenceMs: number;
  /** Id of the message to go on behind; absent = from now on. */
  readonly lastId?: string;
}

const RETRY_MS = 1_000;

/**
 * Ends when `signal` is aborted. After a break it resumes behind the newest id that the stream gave. Rejects with the
 * EverbootError that the daemon gave where trying again will not help.
 */
export async function* followStream(options: StreamOptions): AsyncGenerator<StreamItem> {
  const { clock, signal, lastId = "" } = options;
  const parser = createStreamParser(lastId);
  while (!signal.aborted) {
    const text = yield* readStream(options, parser);
    if (signal.aborted) return;
    yield { kind: "away", text };
    await sleep(clock, RETRY_MS, signal).catch(() => undefined);
  }
}

/** One connection, until it breaks: returns why, when that may pass by itself. */
async function* readStream(options: StreamOptions, parser: StreamParser): AsyncGenerator<StreamItem, string> {
  try {
    const response = await connect(options, parser.lastId());
    yield { kind: "open" };
    parser.restart();
    for await (const chunk of response.setEncoding("utf8")) {
      for (const message of parser.push(String(chunk))) yield { kind: "message", message };
    }
    return "the daemon has ended the stream";
  } catch (error) {
    return options.signal.aborted ? "" : passingText(error);
  }
}

/** The answer, when it is a stream. */
async function connect(options: StreamOptions, lastId: string): Promise<IncomingMessage> {
  const { door, path, signal, silenceMs } = options;
  const headers = { accept: "text/event-stream", ...(lastId !== "" && { "last-event-id": lastId }) };
  const silent = () =>
    new EverbootError("daemon-silent", {
      place: "socket" in door ? door.socket : door.url,
      seconds: Math.round(silenceMs / 1000),
    });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const call = requestDaemon(door, path, { headers, signal }, (answer) => {
      call.setTimeout(silenceMs, () => answer.destroy(silent()));
      resolve(answer);
    });
    call.setTimeout(silenceMs, () => call.destroy(silent()));
    call.on("error", (error) => reject(connectError(error, door)));
    call.end();
  });
  if (response.statusCode === 200) return response;
  throw asError(parseJson(await text(response)));
}

/** Why the daemon cannot be asked now, when that may pass by itself; else throws what it is given. */
export function passingText(error: unknown): string {
  if (error instanceof EverbootError) {
    const { status, retryAfter } = errorKind(error.code);
    if (status < 500 && retryAfter === undefined) throw error;
    return error.message;
  }
  if (errnoOf(error) === undefined) throw error;
  return "the connection to the daemon broke";
}
