/** `/report/<token>/<event>`: what installers tell, authenticated by the token of their permit (cluster/boot-id.ts). */
import type { Log } from "../../base/log.ts";
import type { EventFacts, NewEvent, Stage } from "../../cluster/events.ts";
import { REPORT_EVENTS, type ReportEvent } from "../../os/family.ts";
import type { HttpRequest, HttpVerdict, Route } from "../http/route.ts";

/** What a report does to its permit; resolves when that is durable. */
export interface ReportPermits {
  /** The host of an install that may still report, and its boot as the URL has it; undefined = no such token. */
  reporting(carried: string): { readonly host: string; readonly id: string; readonly trace?: string } | undefined;
  /** `refused` = the permit was taken back or used up: the installer must not go on. */
  report(carried: string, event: ReportEvent): Promise<"accepted" | "refused">;
}

export interface ReportOptions {
  readonly permits: ReportPermits;
  /** What the installed system's own report (os/first-boot.ts) says of the host it was declared to be. */
  readonly judge: (host: string, report: string) => FirstBootVerdict;
  /** Durable when it resolves. */
  readonly append: (event: NewEvent) => Promise<unknown>;
  readonly log: Log;
}

export interface FirstBootVerdict {
  /** What was read of the declared bond (bond/proc-bonding.ts), as JSON. */
  readonly bond?: string;
  readonly verdict: "verified" | "differs";
  /** For the operator: what came up, or everything that differs and what to do. */
  readonly text: string;
}

const STAGE_OF: Readonly<Record<ReportEvent, Stage>> = {
  answer: "answer",
  partition: "answer",
  packages: "packages",
  post: "post",
  done: "post",
  failed: "post",
  "first-boot": "verified",
};

const LONGEST_TEXT = 2000;

export function reportRoute(options: ReportOptions): Route {
  return {
    methods: ["GET", "POST"],
    pattern: "/report/<token>/<event>",
    handle: (request) => handleReport(options, request),
  };
}

async function handleReport(options: ReportOptions, request: HttpRequest): Promise<HttpVerdict> {
  const { token = "", event = "" } = request.params;
  const known = REPORT_EVENTS.find((name) => name === event);
  if (!known) return { kind: "error", code: "file-absent" };
  const install = options.permits.reporting(token);
  if (!install) return { kind: "error", code: "permit-unknown" };
  const body = Buffer.from(request.body).toString("utf8");
  const told: EventFacts = known === "first-boot" ? { ...options.judge(install.host, body) } : { text: body };
  const text = oneLine(String(told.text));
  // The permit's next state first: an installer that hears 200 to `partition` begins to write.
  const outcome = await options.permits.report(token, known);
  await options.append({
    host: install.host,
    permit: install.id,
    ...(install.trace !== undefined && { trace: install.trace }),
    stage: STAGE_OF[known],
    what: outcome === "accepted" ? "report" : "refused",
    facts: { ...told, event: known, text: text === "" ? undefined : text },
  });
  options.log.info({ host: install.host, event: known, outcome }, "report of an installer");
  if (outcome === "refused") return { kind: "error", code: "permit-unknown" };
  return { kind: "text", status: 200, contentType: "text/plain; charset=utf-8", body: "noted\n" };
}

function oneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\s]+/gu, " ")
    .slice(0, LONGEST_TEXT)
    .trim();
}
