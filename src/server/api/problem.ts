/** Errors as the API tells them: RFC 9457, beside the members that the commands read. */
import { STATUS_CODES } from "node:http";
import { type ErrorCode, EverbootError, errorKind, errorText } from "../../base/errors.ts";

export const PROBLEM_TYPE = "application/problem+json";

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly text: string;
  readonly exit: number;
}

/** The text comes from the table: an exception's own message never leaves the process. */
export function problemOf(error: unknown): Problem {
  const known = knownError(error);
  const text = known?.message ?? errorText("internal");
  const code = known?.code ?? "internal";
  const { status, exit } = errorKind(code);
  return {
    type: `urn:everboot:error:${code}`,
    title: STATUS_CODES[status] ?? "",
    status,
    detail: text,
    code,
    text,
    exit,
  };
}

/** Errors of Fastify, for requests that reach no route of ours. Its others are of a request that is not well-formed. */
const FRAMEWORK: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "call-media",
  FST_ERR_CTP_BODY_TOO_LARGE: "request-too-large",
};

function knownError(error: unknown): EverbootError | undefined {
  if (error instanceof EverbootError) return error;
  if (!(error instanceof Error) || !("statusCode" in error)) return undefined;
  const isAskers = Number(error.statusCode) >= 400 && Number(error.statusCode) < 500;
  const code = "code" in error ? FRAMEWORK[String(error.code)] : undefined;
  return isAskers ? new EverbootError(code ?? "request-malformed", {}, error) : undefined;
}
