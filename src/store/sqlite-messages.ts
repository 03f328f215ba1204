/** What the SQLite store and the thread that has its file tell each other. */
import type { ErrorCode, ErrorDetails } from "../base/errors.ts";
import type { Change, Revision } from "./store.ts";

export type SqliteCall = { readonly id: number } & (
  | { readonly kind: "get"; readonly key: string }
  | { readonly kind: "list"; readonly prefix: string }
  | { readonly kind: "since"; readonly prefix: string; readonly after: Revision }
  | { readonly kind: "commit"; readonly change: Change }
  | { readonly kind: "close" }
);

/** Without its id, which `sqlite.ts` gives. */
export type SqliteQuestion = SqliteCall extends infer Call
  ? Call extends SqliteCall
    ? Omit<Call, "id">
    : never
  : never;

/** An error, as it goes from one thread to another. */
export interface SqliteTrouble {
  readonly text: string;
  /** The system's name of it, or `node:sqlite`'s. */
  readonly errno?: string;
  /** Of an EverbootError. */
  readonly code?: ErrorCode;
  readonly details?: ErrorDetails;
}

/** `id` 0: whether the file could be opened. */
export type SqliteReply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly trouble: SqliteTrouble };
