/** A daemon for the tests of commands: what it answers is told by the test; it can be away, and come back. */
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Clock } from "../../src/base/clock.ts";
import type { Io } from "../../src/cli/command.ts";
import { statePaths } from "../../src/cluster/state-folder.ts";

export interface FakeDaemon {
  readonly socket: string;
  /** For `--state`. */
  readonly state: string;
  /** Paths that were asked for, each with its Last-Event-ID behind a blank where it had one. */
  readonly asked: string[];
  start(): Promise<void>;
  /** Cuts every connection, and answers none any more. */
  stop(): Promise<void>;
}

export type Handle = (path: string, response: ServerResponse, request: IncomingMessage) => void;

/** Started, and stopped at the end of the test. */
export async function startFakeDaemon(t: TestContext, handle: Handle): Promise<FakeDaemon> {
  const state = mkdtempSync(join(tmpdir(), "everboot-commands-"));
  const { socket, folder } = statePaths(state);
  mkdirSync(folder, { recursive: true });
  const asked: string[] = [];
  let server: Server | undefined;
  const daemon: FakeDaemon = {
    ...{ socket, state, asked },
    async start() {
      server = createServer((request, response) => {
        const { url = "", headers } = request;
        asked.push([url, headers["last-event-id"]].filter(Boolean).join(" "));
        handle(url, response, request);
      });
      server.listen(socket);
      await once(server, "listening");
    },
    async stop() {
      if (!server?.listening) return;
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  t.after(async () => {
    await daemon.stop();
    rmSync(state, { recursive: true });
  });
  await daemon.start();
  return daemon;
}

export function answer(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

/** Begins a stream; further messages are written by the test. */
export function beginStream(response: ServerResponse, ...messages: readonly string[]): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(`: here\n\n${messages.join("")}`);
}

export function message(event: string, data: unknown, id?: string): string {
  return `event: ${event}\n${id === undefined ? "" : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}

/** Of a command: what it prints, waited for; `stop` is its Ctrl-C, which comes at the end of the test at the latest. */
export function createTestIo(t: TestContext, options: Partial<Io> = {}) {
  const stopping = new AbortController();
  const stop = () => stopping.abort(new Error("SIGINT"));
  t.after(stop);
  const lines: string[] = [];
  let waiting: () => void = () => {};
  const print = (line: string) => {
    lines.push(line);
    waiting();
  };
  const io: Io = {
    out: print,
    err: (line) => print(`! ${line}`),
    write: (text) => print(text),
    ...{ cwd: "/", env: {}, signal: stopping.signal, terminal: false, columns: 80 },
    ...options,
  };
  return {
    io,
    lines,
    stop,
    /** Resolves when so many lines were printed. */
    printed: async (count: number) => {
      while (lines.length < count) {
        await new Promise<void>((resolve) => {
          waiting = resolve;
        });
      }
      return lines.slice(0, count);
    },
  };
}

/** A clock whose waits are over as soon as all else that is ready has run. */
export function createHastyClock(now: number): Clock {
  return {
    now: () => now,
    after(_, task) {
      const handle = setImmediate(task);
      return { cancel: () => clearImmediate(handle) };
    },
  };
}
