/** What a request gets: a file, an ERROR packet, or silence. */
import { type ErrorCode, errorText } from "../../base/errors.ts";
import type { FileResolver, ServedFile } from "../../content/served-file.ts";
import { TFTP_ERROR, type TftpRequest } from "../../wire/tftp-packet.ts";
import { MODES, type Mode } from "./body.ts";

export interface Serve {
  readonly kind: "serve";
  readonly path: string;
  readonly mode: Mode;
  readonly file: ServedFile;
}

export type Verdict =
  | Serve
  /** `reason` names the counter. */
  | { readonly kind: "error"; readonly reason: string; readonly code: number; readonly text: string }
  /** Said nothing: the client asks again, and the outage may be over by then (law 9). */
  | { readonly kind: "drop"; readonly reason: string };

/** Rejects only when `resolve` does. */
export async function judgeRequest(request: TftpRequest, address: string, resolve: FileResolver): Promise<Verdict> {
  if (request.kind === "write") return error("write", TFTP_ERROR.refused, "file-refused");
  const mode = MODES.find((known) => known === request.mode);
  if (mode === undefined) return error("mode", TFTP_ERROR.illegal, "mode-unknown");
  const path = normalisePath(request.path);
  if (path === undefined) return error("refused", TFTP_ERROR.refused, "file-refused");
  const found = await resolve(path, { address, protocol: "tftp" });
  switch (found.kind) {
    case "file":
      return { kind: "serve", path, mode, file: found.file };
    case "absent":
      return error("absent", TFTP_ERROR.absent, "file-absent");
    case "refused":
      return error("refused", TFTP_ERROR.refused, "file-refused");
    case "broken":
      return { kind: "drop", reason: found.code };
  }
}

/**
 * The absolute path that a client means: some ROMs and Windows loaders write `\`, many leave out the first slash or
 * double it. Undefined for paths that climb (`..`) or hold control characters.
 */
export function normalisePath(path: string): string | undefined {
  if (/\p{Cc}/u.test(path)) return undefined;
  const parts = path.split(/[\\/]+/).filter((part) => part !== "" && part !== ".");
  return parts.includes("..") ? undefined : `/${parts.join("/")}`;
}

function error(reason: string, code: number, text: ErrorCode): Verdict {
  return { kind: "error", reason, code, text: errorText(text) };
}
