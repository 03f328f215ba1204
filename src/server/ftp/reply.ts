/** Replies of the control connection (RFC 959 section 4.2). Pure. */
import { type ErrorCode, errorKind, errorText } from "../../base/errors.ts";

export interface Reply {
  readonly kind: "reply";
  readonly code: number;
  readonly text: string;
  /** Between the first line and the last. iPXE takes each line for a reply, so only what it never asks for has some. */
  readonly lines?: readonly string[];
}

export function reply(code: number, text: string, lines?: readonly string[]): Reply {
  return { kind: "reply", code, text, ...(lines && { lines }) };
}

/** What cannot be had now is 4xx, which curl, wget and lftp try again; what is not there is 550, and they do not. */
export function errorReply(code: ErrorCode): Reply {
  const { status, retryAfter } = errorKind(code);
  const text = errorText(code);
  if (retryAfter !== undefined) return reply(450, text);
  return reply(status < 500 ? 550 : 451, text);
}

/** Lines in between begin with a space, so that none looks like the last one (RFC 959 section 4.2, RFC 2389 section 3.2). */
export function formatReply({ code, text, lines }: Reply): string {
  if (!lines) return `${code} ${text}\r\n`;
  return [`${code}-${text}`, ...lines.map((line) => ` ${line}`), `${code} End`, ""].join("\r\n");
}
