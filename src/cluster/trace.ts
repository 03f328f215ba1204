/** What a host's events and permit add up to: where it is, since when, and what is awaited. Pure. */
import { type EventFacts, type JournalEvent, STAGES, type Stage } from "./events.ts";
import { type Permit, type PermitState, stateAt } from "./permit-rules.ts";

export const HOST_STATES = [
  "idle",
  "permitted",
  "booting",
  "installing",
  "installed",
  "verified",
  "differs",
  "failed",
  "expired",
  "local",
] as const;
/**
 * `idle` nothing known; `permitted` may install, has not asked yet; `booting` on its way to an installer;
 * `installing`; `installed`, `failed` as its installer reported; `verified`, `differs`: the installed system told how its
 * network came up, and it is as declared or not; `expired` its permit ran out; `local` boots from disk.
 */
export type HostState = (typeof HOST_STATES)[number];

/** Times in milliseconds since 1970. */
export interface HostStatus {
  readonly host: string;
  readonly state: HostState;
  /** The newest; without its token, as status is shown around. */
  readonly permit?: Pick<Permit, "id" | "state" | "issued" | "expires">;
  /** The newest. */
  readonly boot?: BootTrace;
  /** The newest thing that an operator should read. */
  readonly lastNote?: { readonly at: number; readonly text: string };
  readonly awaiting?: Awaiting;
}

export interface Awaiting {
  /** In words that go after "waiting for". */
  readonly what: string;
  readonly since: number;
}

export interface BootTrace {
  readonly number: number;
  readonly started: number;
  /** Those that were reached, in the order of an install. */
  readonly stages: readonly StageTrace[];
}

export interface StageTrace {
  readonly stage: Stage;
  readonly first: number;
  readonly last: number;
  /** When a later stage began. */
  readonly ended?: number;
  readonly events: number;
  readonly files: number;
  readonly bytes: number;
  /** Facts of its newest transfer. */
  readonly server?: string;
  readonly path?: string;
}

export interface FleetStatus {
  readonly hosts: readonly HostStatus[];
  readonly counts: Readonly<Record<HostState, number>>;
}

/** `events` of this host, by time; `permit` its newest. */
export function foldStatus(
  host: string,
  events: readonly JournalEvent[],
  permit: Permit | undefined,
  now: number,
): HostStatus {
  const boot = foldBoot(events);
  const current = boot === undefined ? [] : events.filter((event) => event.boot === boot.number);
  const permitState = permit && stateAt(permit, now);
  const state = stateOf(boot, current, events, permit, permitState);
  const note = events.findLast((event) => noteText(event) !== undefined);
  const awaiting = awaited(state, boot, current, permit);
  return {
    host,
    state,
    ...(permit && permitState && { permit: { ...shown(permit), state: permitState } }),
    ...(boot && { boot }),
    ...(note && { lastNote: { at: note.at, text: noteText(note) ?? "" } }),
    ...(awaiting && { awaiting }),
  };
}

export function foldFleet(hosts: readonly HostStatus[]): FleetStatus {
  const counts = Object.fromEntries(HOST_STATES.map((state) => [state, 0])) as Record<HostState, number>;
  for (const { state } of hosts) counts[state] += 1;
  return { hosts, counts };
}

function shown({ id, issued, expires }: Permit) {
  return { id, issued, expires };
}

/** The trace of the newest boot. */
function foldBoot(events: readonly JournalEvent[]): BootTrace | undefined {
  const number = events.reduce((newest, event) => Math.max(newest, event.boot), 0);
  const stages = new Map<Stage, StageTrace>();
  let isUsed = false;
  for (const event of events) {
    if (number === 0 || event.boot !== number) continue;
    if (event.what === "permit-used") isUsed = true;
    const stage = stageOf(event, isUsed);
    if (stage !== undefined) stages.set(stage, addEvent(stages.get(stage), stage, event));
  }
  const reached = STAGES.flatMap((stage) => stages.get(stage) ?? []);
  const [first] = reached;
  if (first === undefined) return undefined;
  const started = reached.reduce((earliest, stage) => Math.min(earliest, stage.first), first.first);
  return { number, started, stages: reached.map((stage, place) => withEnd(stage, reached.slice(place + 1))) };
}

/** Where an event counts in its trace; nowhere when it is not of the machine's own doing. */
function stageOf(event: JournalEvent, isUsed: boolean): Stage | undefined {
  if (event.what.startsWith("permit-") || event.what === "note") return undefined;
  const asking = event.stage === "dhcp" ? event.facts.asking : undefined;
  if (asking === "system") return isUsed ? "reboot" : undefined;
  // The kernel runs and has started the installer.
  if (asking === "installer") return "kernel";
  const isEarly = STAGES.indexOf(event.stage) <= STAGES.indexOf("script");
  return isUsed && isEarly ? "reboot" : event.stage;
}

function addEvent(trace: StageTrace | undefined, stage: Stage, { at, what, facts }: JournalEvent): StageTrace {
  const bytes = numberFact(facts, "bytes") ?? 0;
  const files = numberFact(facts, "files") ?? (what === "served" && facts.broken === undefined ? 1 : 0);
  const before = trace ?? { stage, first: at, last: at, events: 0, files: 0, bytes: 0 };
  return {
    ...before,
    first: Math.min(before.first, at),
    last: Math.max(before.last, at),
    events: before.events + 1,
    files: before.files + files,
    bytes: before.bytes + bytes,
    ...(facts.server !== undefined && { server: String(facts.server) }),
    ...(facts.path !== undefined && { path: String(facts.path) }),
  };
}

function withEnd(stage: StageTrace, later: readonly StageTrace[]): StageTrace {
  if (later.length === 0) return stage;
  return { ...stage, ended: Math.min(...later.map(({ first }) => first)) };
}

function stateOf(
  boot: BootTrace | undefined,
  current: readonly JournalEvent[],
  events: readonly JournalEvent[],
  permit: Permit | undefined,
  permitState: PermitState | undefined,
): HostState {
  if (permit && permitState !== undefined && permitState !== "cancelled") {
    return stateUnderPermit(permit, permitState, boot, events);
  }
  if (boot === undefined) return "idle";
  return current.some(({ what }) => what === "local-boot") ? "local" : "booting";
}

function stateUnderPermit(
  permit: Permit,
  state: PermitState,
  boot: BootTrace | undefined,
  events: readonly JournalEvent[],
): HostState {
  const isInstalling = boot !== undefined && permit.handOuts > 0 && hasSince(boot, INSTALLING, permit.issued);
  switch (state) {
    case "used":
      return verdictOf(permit, events) ?? "installed";
    case "writing":
      return "installing";
    case "failed":
      return "failed";
    // An install that runs already goes on when its permit ends.
    case "expired":
      return isInstalling ? "installing" : "expired";
    case "started":
      return isInstalling ? "installing" : "booting";
    default:
      return boot !== undefined && hasSince(boot, STAGES, permit.issued) ? "booting" : "permitted";
  }
}

/** What the system that was installed with this permit reported of itself. */
function verdictOf(permit: Permit, events: readonly JournalEvent[]): "verified" | "differs" | undefined {
  const report = events.findLast(({ stage, what, permit: id }) => {
    return stage === "verified" && what === "report" && id === permit.id;
  });
  if (report === undefined) return undefined;
  return report.facts.verdict === "verified" ? "verified" : "differs";
}

const INSTALLING: readonly Stage[] = ["packages", "post"];

function hasSince(boot: BootTrace, stages: readonly Stage[], since: number): boolean {
  return boot.stages.some(({ stage, last }) => stages.includes(stage) && last >= since);
}

/** What comes after each stage. */
const NEXT_STEP: Readonly<Record<Stage, string>> = {
  dhcp: "the loader to be fetched",
  loader: "the boot script to be fetched",
  script: "kernel and initrd to be fetched",
  kernel: "the installer to read its answers",
  answer: "the first packages to be fetched",
  packages: "more packages, or the report that they are installed",
  post: "the installer to report success",
  reboot: "the installed system to report its network",
  verified: "nothing",
};

function awaited(
  state: HostState,
  boot: BootTrace | undefined,
  current: readonly JournalEvent[],
  permit: Permit | undefined,
): Awaiting | undefined {
  if (state === "permitted" && permit) return { what: "the machine to boot from the network", since: permit.issued };
  const newest = boot?.stages.at(-1);
  if (newest === undefined) return undefined;
  if (state === "installed") return awaitedReboot(boot, current, permit);
  if (state !== "booting" && state !== "installing") return undefined;
  const last = current.at(-1);
  // It was told so, once, and asks again by itself.
  if (last?.what === "note" && last.stage === "script") return { what: "its turn: it asks again", since: last.at };
  const isLoaded = newest.stage === "dhcp" && current.some(({ facts }) => facts.asking === "ipxe");
  return { what: isLoaded ? NEXT_STEP.loader : NEXT_STEP[newest.stage], since: newest.last };
}

function awaitedReboot(
  boot: BootTrace | undefined,
  current: readonly JournalEvent[],
  permit: Permit | undefined,
): Awaiting | undefined {
  const used = current.find(({ what }) => what === "permit-used");
  if (used === undefined || permit === undefined) return undefined;
  const back = boot?.stages.find(({ stage }) => stage === "reboot");
  return back ? { what: NEXT_STEP.reboot, since: back.first } : { what: "the machine to restart", since: used.at };
}

/** Text for the operator, of the events that have one. */
function noteText({ what, facts }: JournalEvent): string | undefined {
  const text = facts.text;
  switch (what) {
    case "note":
      return String(text ?? "");
    case "decline":
      return `address in use: ${text ?? "another machine answers to it"}`;
    case "refused":
      return `refused: ${text ?? facts.reason ?? "not allowed"}`;
    case "report":
      return reportNote(facts);
    default:
      return undefined;
  }
}

function reportNote({ event, verdict, text }: EventFacts): string | undefined {
  if (event === "failed") return `the installer failed: ${text ?? "it gave no reason"}`;
  if (event !== "first-boot") return undefined;
  return verdict === "verified" ? `it came up as declared: ${text}` : `it differs from what is declared: ${text}`;
}

function numberFact(facts: EventFacts, name: string): number | undefined {
  const fact = facts[name];
  return typeof fact === "number" ? fact : undefined;
}
