/** What the protocol servers count by plain names (`Server.counters`, `Server.durations`), as labelled metrics. Pure. */
import type { HistogramSnapshot } from "../histogram.ts";
import type { Server } from "../server.ts";
import type { FigureName, HistogramName, Labels, Sheet } from "./sheet.ts";

interface Rule<Name> {
  readonly metric: Name;
  /** Labels that tell where it was counted. */
  readonly by: ReadonlyArray<"protocol" | "listener">;
  /** Label for what comes after the dot of the name; for a name without one, for the name. */
  readonly detail?: string;
}

const LISTENER = ["listener"] as const;
const PROTOCOL = ["protocol", "listener"] as const;

/** A key that ends with a dot is good for all names that begin so. */
const COUNTERS: Readonly<Record<string, Rule<FigureName>>> = {
  requests: { metric: "everboot_requests_total", by: PROTOCOL },
  request: { metric: "everboot_requests_total", by: PROTOCOL },
  bytes: { metric: "everboot_sent_bytes_total", by: PROTOCOL },
  "packet-bytes": { metric: "everboot_sent_bytes_total", by: PROTOCOL },
  "under-way": { metric: "everboot_transfers_under_way", by: PROTOCOL },
  sessions: { metric: "everboot_transfers_under_way", by: PROTOCOL },
  "drop.": { metric: "everboot_drops_total", by: PROTOCOL, detail: "reason" },
  "reply.": { metric: "everboot_dhcp_replies_total", by: [], detail: "type" },
  "note.": { metric: "everboot_dhcp_notes_total", by: [], detail: "type" },
  "status.": { metric: "everboot_http_responses_total", by: LISTENER, detail: "code" },
  "transfer.": { metric: "everboot_tftp_transfers_total", by: LISTENER, detail: "outcome" },
  "error.": { metric: "everboot_tftp_errors_total", by: LISTENER, detail: "reason" },
  "answer.": { metric: "everboot_dns_answers_total", by: LISTENER, detail: "rcode" },
  "forward.": { metric: "everboot_dns_forwards_total", by: LISTENER, detail: "outcome" },
  "message.": { metric: "everboot_syslog_messages_total", by: LISTENER, detail: "transport" },
  waiting: { metric: "everboot_admission_waiting", by: [] },
  "let-in": { metric: "everboot_admission_decisions_total", by: [], detail: "decision" },
  "told-to-wait": { metric: "everboot_admission_decisions_total", by: [], detail: "decision" },
  "lost-place": { metric: "everboot_admission_decisions_total", by: [], detail: "decision" },
};

/** By protocol: told as 0 until there is one, as Prometheus sees no rise in a counter that begins with its first event. */
const FROM_THE_START: Readonly<Record<string, readonly string[]>> = {
  dhcp: [
    ...["internal", "other-server", "pool-exhausted", "send-failed", "store-unavailable"].map(dropped),
    "note.decline",
  ],
  http: ["cut", "too-many-connections", "unreadable"].map(dropped),
  tftp: ["internal", "store-unavailable", "too-many-sessions"].map(dropped),
  ftp: ["cut", "unreadable", "no-port", "too-many-connections"].map(dropped),
  dns: ["internal", "rate", "too-many-connections"].map(dropped),
  peers: ["forged"].map(dropped),
};

const DURATIONS: Readonly<Record<string, Rule<HistogramName>>> = {
  answer: { metric: "everboot_dhcp_answer_duration_seconds", by: [] },
  "answer.": { metric: "everboot_http_answer_duration_seconds", by: LISTENER, detail: "route" },
  "dns-answer.": { metric: "everboot_dns_answer_duration_seconds", by: LISTENER, detail: "way" },
  request: { metric: "everboot_http_request_duration_seconds", by: LISTENER },
  transfer: { metric: "everboot_tftp_transfer_duration_seconds", by: LISTENER },
};

type Counting = Pick<Server, "name" | "counters" | "durations">;

export function putProtocolFigures(sheet: Sheet, servers: readonly Counting[]): void {
  for (const server of servers) {
    const counts = { ...zerosOf(server.name), ...server.counters() };
    for (const [name, count] of Object.entries(counts)) putCounter(sheet, server.name, name, count);
    for (const [name, histogram] of server.durations?.() ?? []) putDuration(sheet, server.name, name, histogram);
  }
}

function dropped(reason: string): string {
  return `drop.${reason}`;
}

function zerosOf(server: string): Readonly<Record<string, number>> {
  return Object.fromEntries((FROM_THE_START[placeOf(server).protocol] ?? []).map((name) => [name, 0]));
}

function putCounter(sheet: Sheet, server: string, name: string, count: number): void {
  const rule = ruleOf(COUNTERS, name);
  if (rule) sheet.put(rule.metric, labelsOf(rule, server, name), count);
  else sheet.put("everboot_events_total", { ...placeOf(server), event: name }, count);
}

function putDuration(sheet: Sheet, server: string, name: string, histogram: HistogramSnapshot): void {
  const rule = ruleOf(DURATIONS, name);
  if (rule) sheet.putHistogram(rule.metric, labelsOf(rule, server, name), histogram);
}

function ruleOf<Name>(rules: Readonly<Record<string, Rule<Name>>>, name: string): Rule<Name> | undefined {
  return rules[name.slice(0, name.indexOf(".") + 1) || name];
}

function labelsOf({ by, detail }: Rule<unknown>, server: string, name: string): Labels {
  const place = placeOf(server);
  return {
    ...Object.fromEntries(by.map((label) => [label, place[label]])),
    ...(detail !== undefined && { [detail]: name.slice(name.indexOf(".") + 1) }),
  };
}

/** A server's name is its protocol and, where there are several of it, what tells them apart: `http 192.168.0.11`. */
function placeOf(server: string) {
  const [protocol = "", listener = ""] = server.split(" ");
  return { protocol, listener };
}
