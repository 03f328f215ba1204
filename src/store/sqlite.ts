/** The store of a single server: one SQLite file, which a thread of its own reads and writes (sqlite-worker.ts). */
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { EverbootError } from "../base/errors.ts";
import { storeUnavailable } from "./change.ts";
import { type Changes, createPulse, follow } from "./follow.ts";
import type { SqliteCall, SqliteQuestion, SqliteReply, SqliteTrouble } from "./sqlite-messages.ts";
import type { CommitResult, Entry, Store } from "./store.ts";

/** Rejects with EverbootError `state-broken` or `state-unwritable`. */
export async function openSqliteStore(path: string): Promise<Store> {
  const thread = new Thread(path);
  await thread.opened;
  const pulse = createPulse();

  async function ask<T>(question: SqliteQuestion): Promise<T> {
    try {
      return (await thread.ask(question)) as T;
    } catch (error) {
      throw storeUnavailable(error);
    }
  }

  return {
    get: (key) => ask<Entry | undefined>({ kind: "get", key }),
    list: (prefix) => ask<readonly Entry[]>({ kind: "list", prefix }),
    async commit(change) {
      const result = await ask<CommitResult>({ kind: "commit", change });
      pulse.beat();
      return result;
    },
    watch: (prefix, after, signal) =>
      follow((position) => ask<Changes>({ kind: "since", prefix, after: position }), pulse, after, signal),
    async close() {
      await thread.close();
      pulse.beat();
    },
  };
}

interface Asker {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** Keeps the process alive for as long as an answer is due, and no longer. */
class Thread {
  /** Resolves when the file is open; rejects with an EverbootError. */
  readonly opened: Promise<unknown>;
  private readonly worker: Worker;
  private readonly askers = new Map<number, Asker>();
  private lastId = -1;
  private closing: Promise<unknown> | undefined;
  private ended: Error | undefined;

  constructor(path: string) {
    const program = new URL(`sqlite-worker${extname(import.meta.filename)}`, import.meta.url);
    this.worker = new Worker(program, { workerData: path });
    this.worker.on("message", (reply: SqliteReply) => this.hear(reply));
    this.worker.once("error", (error) => this.end(error instanceof Error ? error : new Error(String(error))));
    this.worker.once("exit", () => this.end(new Error("the store is closed")));
    this.opened = this.expect();
  }

  /** Rejects with what `node:sqlite` threw, or when the store is closed. */
  ask(question: SqliteQuestion): Promise<unknown> {
    if (this.closing || this.ended) return Promise.reject(this.ended ?? new Error("the store is closed"));
    return this.send(question);
  }

  /** Commits that wait are done first. */
  async close(): Promise<void> {
    this.closing ??= this.ended ? Promise.resolve() : this.send({ kind: "close" });
    await this.closing.catch(() => undefined);
    await this.worker.terminate();
  }

  private send(question: SqliteQuestion): Promise<unknown> {
    const answer = this.expect();
    this.worker.postMessage({ ...question, id: this.lastId } satisfies SqliteCall);
    return answer;
  }

  private expect(): Promise<unknown> {
    this.lastId += 1;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.askers.set(this.lastId, { resolve, reject });
    this.worker.ref();
    return promise;
  }

  private hear(reply: SqliteReply): void {
    const asker = this.askers.get(reply.id);
    this.askers.delete(reply.id);
    if (this.askers.size === 0) this.worker.unref();
    if ("trouble" in reply) asker?.reject(errorOf(reply.trouble));
    else asker?.resolve(reply.result);
  }

  private end(error: Error): void {
    this.ended ??= error;
    for (const asker of this.askers.values()) asker.reject(error);
    this.askers.clear();
  }
}

function errorOf({ text, errno, code, details }: SqliteTrouble): Error {
  if (code) return new EverbootError(code, details, undefined, text);
  return Object.assign(new Error(text), errno !== undefined && { code: errno });
}
