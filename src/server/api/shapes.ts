/**
 * What the API answers, as schemas: the OpenAPI document is made of them, and the tests hold every answer to them. Times in
 * milliseconds since 1970. Objects may gain members.
 */
import { z } from "zod";
import { STAGES } from "../../cluster/events.ts";
import { type BootTrace, HOST_STATES, type HostStatus } from "../../cluster/status.ts";
import { ROLES, type Token } from "../../cluster/tokens.ts";

const time = z.number();
const stage = z.enum(STAGES);

const progress = z
  .object({
    fraction: z.number().min(0).max(1).describe("Never falls within one boot."),
    basis: z
      .enum(["counted", "earlier", "tree"])
      .describe("The installer's own count, what the profile fetched before, or the tree's package list."),
    isEstimate: z.boolean(),
    done: z.number(),
    of: z.number().exactOptional(),
    unit: z.enum(["packages", "bytes"]),
  })
  .meta({ id: "Progress" });

const cause = z
  .object({
    id: z.string(),
    text: z.string().describe("What is wrong."),
    todo: z.string().describe("What to do."),
    evidence: z.string().describe("The fact it was told from."),
  })
  .meta({ id: "Cause" });

const stageTrace = z.object({
  stage,
  first: time,
  last: time,
  ended: time.exactOptional(),
  events: z.number(),
  files: z.number(),
  bytes: z.number(),
  server: z.string().exactOptional(),
  path: z.string().exactOptional(),
});

export const BOOT: z.ZodType<BootTrace> = z
  .object({
    number: z.number(),
    id: z.string().describe("8 hex digits; empty where the boot is older than ids."),
    started: time,
    stages: z.array(stageTrace),
  })
  .meta({ id: "Boot" });

export const PERMIT = z
  .object({ id: z.string(), host: z.string(), issued: time, expires: time, state: z.string() })
  .meta({ id: "Permit" });

const hostStatus = z.object({
  host: z.string(),
  state: z.enum(HOST_STATES),
  permit: z
    .object({
      id: z.string(),
      state: z.enum(["issued", "started", "writing", "used", "failed", "expired", "cancelled"]),
      issued: time,
      expires: time,
    })
    .exactOptional(),
  trace: z.string().exactOptional().describe("Id of the newest boot."),
  boot: BOOT.exactOptional(),
  progress: progress.exactOptional(),
  lastNote: z.object({ at: time, text: z.string() }).exactOptional(),
  awaiting: z.object({ what: z.string(), since: time }).exactOptional(),
  deadline: time.exactOptional().describe("When it counts as stalled if nothing is heard."),
  cause: cause.exactOptional(),
});

export const HOST_STATUS = hostStatus.meta({ id: "HostStatus" }) satisfies z.ZodType<HostStatus>;
export const HOST = z.object({ now: time, ...hostStatus.shape }).meta({ id: "Host" });

export const HOST_SUMMARY = z
  .object({
    host: z.string(),
    profile: z.string(),
    state: z.enum(HOST_STATES),
    stage: stage.exactOptional(),
    since: time.exactOptional().describe("When its stage began."),
    started: time.exactOptional().describe("When its boot began."),
    progress: progress.exactOptional(),
    awaiting: z.string().exactOptional().describe('In words that go after "waiting for".'),
    deadline: time.exactOptional(),
    cause: cause.exactOptional(),
    note: z.string().exactOptional(),
    server: z.string().exactOptional().describe("The server that serves it."),
    rate: z.number().exactOptional().describe("Bytes a second, over the last ten seconds."),
  })
  .meta({ id: "HostSummary" });
export type HostSummary = z.infer<typeof HOST_SUMMARY>;

export const SERVER_SUMMARY = z
  .object({
    name: z.string(),
    alive: z.boolean(),
    floating: z.string().exactOptional(),
    heldBy: z.string().exactOptional().describe("The server that has this one's floating address."),
    draining: z.boolean().exactOptional(),
    installs: z.number().exactOptional(),
    queue: z.number().exactOptional().describe("Machines that wait there to be let in."),
    rate: z.number().exactOptional().describe("Bytes a second sent."),
    serves: z
      .object({ revision: z.string(), number: z.number().exactOptional() })
      .exactOptional()
      .describe("The site file that it serves by."),
    self: z.boolean().exactOptional().describe("It is the one that answers."),
  })
  .meta({ id: "ServerSummary" });
export type ServerSummary = z.infer<typeof SERVER_SUMMARY>;

const holders = z.array(z.string());

export const TREE = z
  .object({
    name: z.string(),
    kind: z.enum(["versions", "plain", "mirror"]).describe("A plain tree is served as it lies, as a mirror is."),
    current: z.string().exactOptional().describe("The version that all servers are to serve."),
    versions: z
      .array(z.object({ id: z.string(), holders, pinned: holders }))
      .describe("Which servers have it whole and checked, and where it is pinned."),
    lacking: z
      .array(
        z.object({
          server: z.string(),
          version: z.string(),
          bytes: z.number().describe("0 = not known yet."),
          done: z.number(),
          from: z.array(z.string()).describe("The servers that it fetches from."),
          trouble: z.string().exactOptional().describe("Why it does not go on."),
        }),
      )
      .describe("What servers lack of what they are to have."),
  })
  .meta({ id: "Tree" });
export type TreeReport = z.infer<typeof TREE>;

export const UNKNOWN_MACHINE = z
  .object({
    mac: z.string(),
    first: time,
    last: time,
    times: z.number(),
    arch: z.string().exactOptional(),
    firmware: z.string().exactOptional(),
    vendor: z.string().exactOptional(),
    uuid: z.string().exactOptional(),
    address: z.string().exactOptional(),
    interface: z.string().exactOptional(),
    subnet: z.string().exactOptional().describe("The network that it asked in."),
    server: z.string().exactOptional().describe("The server that saw it last."),
  })
  .meta({ id: "UnknownMachine" });
export type UnknownMachine = z.infer<typeof UNKNOWN_MACHINE>;

export const EVENT = z
  .object({
    id: z.string().describe("The same at each server; `after` and `Last-Event-ID` take it."),
    at: time,
    host: z.string(),
    boot: z.number(),
    trace: z.string().exactOptional(),
    permit: z.string().exactOptional(),
    stage,
    what: z.string(),
    facts: z.record(z.string(), z.union([z.string(), z.number()])),
  })
  .meta({ id: "Event" });

export const BOND = z
  .object({
    declared: z.object({ nics: z.array(z.string()), bond: z.looseObject({}).exactOptional() }),
    found: z
      .object({ at: time, text: z.string(), bond: z.looseObject({}).exactOptional() })
      .exactOptional()
      .describe("What the installed system told at its first boot."),
    verdict: z.enum(["verified", "differs"]).exactOptional(),
  })
  .meta({ id: "Bond" });
export type BondReport = z.infer<typeof BOND>;

export const TOKEN = z
  .object({
    name: z.string(),
    role: z.enum(ROLES),
    issued: time,
    by: z.string(),
    expires: time.exactOptional(),
    used: time.exactOptional().describe("To the hour."),
  })
  .meta({ id: "Token" }) satisfies z.ZodType<Token>;

export const AUDIT_ROW = z
  .object({
    at: time,
    server: z.string(),
    who: z.string(),
    what: z.string(),
    target: z.string().exactOptional(),
    before: z.string().exactOptional(),
    after: z.string().exactOptional(),
    outcome: z.string().describe("`done`, or an error's code."),
  })
  .meta({ id: "AuditRow" });

/** RFC 9457, with what the commands read. */
export const PROBLEM = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number(),
    detail: z.string(),
    code: z.string().describe("Of the table of errors."),
    text: z.string().describe("As `detail`."),
    exit: z.number().describe("Exit code of a command that meets it."),
  })
  .meta({ id: "Problem" });

/** A page of a list. */
export function pageOf(item: z.ZodType) {
  return z.object({ items: z.array(item), next: z.string().exactOptional().describe("`after` of the next page.") });
}
