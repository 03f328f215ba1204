/** The one error of imports: what was named, and why it is not taken in, with what to do. */
import { EverbootError, errnoOf } from "../base/errors.ts";

/** The disk is full. */
export const NO_SPACE = "there is no space left for it on the tree's disk: make room there; the tree is as it was";

export function importRefused(from: string, reason: string, cause?: unknown): EverbootError {
  return new EverbootError("import-refused", { from, reason }, cause);
}

/** A system error becomes a refusal; what is neither that nor one of ours is a bug, and stays as it is. */
export function asRefusal(from: string, error: unknown): unknown {
  if (error instanceof EverbootError) return error;
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  if (errno === "ENOSPC" || errno === "EDQUOT") return importRefused(from, NO_SPACE, error);
  const path = error instanceof Error && "path" in error ? ` (${String(error.path)})` : "";
  return importRefused(from, `cannot be taken in: ${errno}${path}`, error);
}
