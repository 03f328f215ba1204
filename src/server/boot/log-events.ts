/**
 * What becomes of a line of an installer's log: it is kept in the log of its host's boot, and what its family's reader
 * knows of it becomes an event of the journal. A thousand lines of packages do not become a thousand events: progress
 * is told once a second, and always its last; a step, an error and a question at once, but not again and again.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import type { EventFacts, JournalEvent, LogKind, NewEvent, Stage } from "../../cluster/events.ts";
import type { HostLogs } from "../../cluster/host-log.ts";
import type { LogFinding, LogReader } from "../../os/log-lines.ts";
import { clockAhead } from "../../wire/syslog-message.ts";

export interface LogEventsOptions {
  readonly clock: Clock;
  readonly logs: HostLogs;
  /** Id of the host's newest boot. */
  readonly traceOf: (host: string) => string | undefined;
  /** Id of the permit that the host is being installed with. */
  readonly permitOf: (host: string) => string | undefined;
  /** What the journal keeps of the host, by time. */
  readonly eventsOf: (host: string) => readonly JournalEvent[];
  readonly record: (event: NewEvent) => void;
}

export interface LogEvents {
  /** `read` is that of the host's family; absent = its lines are only kept. */
  line(host: string, line: LogLine, read?: LogReader): void;
}

export interface LogLine {
  readonly program?: string;
  readonly text: string;
  /** When it was sent, by the machine's clock (wire/syslog-message.ts). */
  readonly stamp?: string;
}

/** What is known of a host's log since its boot began. */
interface BootLog {
  readonly trace: string | undefined;
  /** Packages: as the lines say it, or counted. */
  done: number;
  of?: number;
  /** The lines say themselves how many packages are done. */
  isTold: boolean;
  step?: string;
  question?: string;
  readonly errors: Set<string>;
  /** As its clock was told last: hours ahead. */
  hours: number;
  /** The newest progress, which waits for its turn. */
  waiting?: LogFinding;
  timer?: Timer;
}

const PROGRESS_MS = 1_000;
const HOUR = 3_600_000;
/** More than any time zone. */
const CLOCK_OFF = 15 * HOUR;
/** Different errors of one boot that become events: a broken disk has as many complaints as sectors. */
const MOST_ERRORS = 50;

/** Stages in which an installer runs. */
const STAGES: readonly Stage[] = ["kernel", "answer", "packages", "post"];

export function createLogEvents(options: LogEventsOptions): LogEvents {
  const hosts = new Map<string, BootLog>();

  function bootLog(host: string, trace: string | undefined): BootLog {
    const known = hosts.get(host);
    if (known && known.trace === trace) return known;
    known?.timer?.cancel();
    const fresh = takeUp(options.eventsOf(host), trace);
    hosts.set(host, fresh);
    return fresh;
  }

  return {
    line(host, { program, text, stamp }, read) {
      const trace = options.traceOf(host);
      options.logs.append(host, program === undefined ? text : `${program}: ${text}`, trace);
      if (stamp !== undefined) lookAtClock(options, host, bootLog(host, trace), stamp);
      const finding = read?.(program ?? "", text);
      if (finding) notice(options, host, bootLog(host, trace), finding);
    },
  };
}

/** From what the journal has of this boot: another server, or this one before it was restarted, may have begun. */
function takeUp(events: readonly JournalEvent[], trace: string | undefined): BootLog {
  const facts = events.filter((event) => event.what === "log" && event.trace === trace).map((event) => event.facts);
  const told = facts.findLast(({ kind, done }) => kind === "progress" && done !== undefined);
  const clock = facts.findLast(({ kind }) => kind === "clock");
  const errors = facts.filter(({ kind }) => kind === "error").map(({ text }) => String(text));
  return {
    ...{
      trace,
      done: Number(told?.done ?? 0),
      isTold: false,
      errors: new Set(errors),
      hours: Number(clock?.hours ?? 0),
    },
    ...(told?.of !== undefined && { of: Number(told.of) }),
  };
}

/** What is not valid yet, or any more, may be so by the machine's own clock alone. */
function lookAtClock(options: LogEventsOptions, host: string, log: BootLog, stamp: string): void {
  const ahead = clockAhead(stamp, options.clock.now());
  if (ahead === undefined) return;
  const hours = Math.abs(ahead) < CLOCK_OFF ? 0 : Math.round(ahead / HOUR);
  if ((hours === 0) === (log.hours === 0)) return;
  log.hours = hours;
  record(options, host, log, { kind: "clock", text: clockText(hours) }, { hours });
}

function clockText(hours: number): string {
  if (hours === 0) return "its clock is right again";
  return `its clock is ${Math.abs(hours)} hours ${hours < 0 ? "behind" : "ahead"}`;
}

function notice(options: LogEventsOptions, host: string, log: BootLog, finding: LogFinding): void {
  if (finding.kind === "progress") {
    noticeProgress(options, host, log, finding);
    return;
  }
  if (!isNews(log, finding)) return;
  tellWaiting(options, host, log);
  record(options, host, log, finding);
}

/** Counts, and tells at once if nothing was told for a second. */
function noticeProgress(options: LogEventsOptions, host: string, log: BootLog, finding: LogFinding): void {
  delete log.question;
  if (finding.done !== undefined) log.isTold = true;
  if (finding.done !== undefined) log.done = finding.done;
  else if (finding.isOneMore && !log.isTold) log.done += 1;
  if (finding.of !== undefined) log.of = finding.of;
  log.waiting = finding;
  if (log.timer) return;
  tellWaiting(options, host, log);
  holdBack(options, host, log);
}

/** Until the second is over; then the newest that came meanwhile, and so on as long as more comes. */
function holdBack(options: LogEventsOptions, host: string, log: BootLog): void {
  log.timer = options.clock.after(PROGRESS_MS, () => {
    delete log.timer;
    if (!log.waiting) return;
    tellWaiting(options, host, log);
    holdBack(options, host, log);
  });
}

function tellWaiting(options: LogEventsOptions, host: string, log: BootLog): void {
  const { waiting } = log;
  delete log.waiting;
  if (waiting) record(options, host, log, waiting);
}

function isNews(log: BootLog, { kind, text }: LogFinding): boolean {
  if (kind === "error") {
    if (log.errors.has(text) || log.errors.size >= MOST_ERRORS) return false;
    log.errors.add(text);
    return true;
  }
  if (kind === "question") {
    const isNew = log.question !== text;
    log.question = text;
    return isNew;
  }
  delete log.question;
  const isNew = log.step !== text;
  log.step = text;
  return isNew;
}

type Told = Pick<LogFinding, "text"> & { readonly kind: LogKind };

function record(
  options: LogEventsOptions,
  host: string,
  log: BootLog,
  { kind, text }: Told,
  more: EventFacts = {},
): void {
  // What was held back of a boot is no news of the next one.
  if (options.traceOf(host) !== log.trace) return;
  const permit = options.permitOf(host);
  const count = kind === "progress" && (log.done > 0 || log.of !== undefined) ? { done: log.done, of: log.of } : {};
  options.record({
    host,
    ...(permit !== undefined && { permit }),
    stage: stageIn(options.eventsOf(host), log.trace),
    what: "log",
    facts: { kind, text, ...count, ...more },
  });
}

/** The furthest of an installer's stages that this boot has come to: a log tells of no stage that was not reached. */
function stageIn(events: readonly JournalEvent[], trace: string | undefined): Stage {
  const reached = new Set(events.filter((event) => event.trace === trace).map(({ stage }) => stage));
  return STAGES.findLast((stage) => reached.has(stage)) ?? "kernel";
}
