/** `/api/v1/hosts`: the machines of the site, one by one and in pages. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { HOST_STATES } from "../../cluster/status.ts";
import { requireRole } from "./access.ts";
import type { ApiContext } from "./context.ts";
import { eventPage } from "./event-log.ts";
import { MACHINE_QUERY } from "./operations.ts";
import { type ApiRoute, jsonRoute, PAGE_QUERY } from "./route.ts";
import { EVENTS_QUERY } from "./routes-events.ts";
import { BOND, BOOT, EVENT, HOST, HOST_SUMMARY, type HostSummary, pageOf } from "./shapes.ts";

const LIST_QUERY = z.strictObject({
  ...PAGE_QUERY,
  state: z.enum(HOST_STATES).exactOptional().describe("Only those in this state."),
  q: z.string().max(300).exactOptional().describe("Only those with this text in their name, profile or note."),
});

const LOG_QUERY = z.strictObject({
  lines: z.coerce.number().int().min(1).max(10_000).default(200).describe("At most so many, the newest."),
  boot: z.string().max(64).exactOptional().describe("Id of a boot; left out: of whichever boot."),
});

const HOST_PATH = "/api/v1/hosts/{host}";

export function hostRoutes(context: ApiContext): ApiRoute[] {
  return [...stateRoutes(context), ...pastRoutes(context), ...planRoutes(context)];
}

function stateRoutes({ feed, operations }: ApiContext): ApiRoute[] {
  return [
    jsonRoute({
      method: "GET",
      path: "/api/v1/hosts",
      id: "listHosts",
      role: "viewer",
      query: LIST_QUERY,
      summary: "the hosts in short, by name as in the site file",
      answer: pageOf(HOST_SUMMARY),
      handle: ({ query }) => pageOfHosts(feed.hosts(), query),
    }),
    jsonRoute({
      method: "GET",
      path: HOST_PATH,
      id: "getHost",
      role: "viewer",
      summary: "one host: its state, permit, and newest boot stage by stage",
      answer: HOST,
      tag: tagOfHost,
      handle: ({ params: { host = "" } }) => operations().host(host),
    }),
  ];
}

function pastRoutes({ operations }: ApiContext): ApiRoute[] {
  return [
    jsonRoute({
      method: "GET",
      path: `${HOST_PATH}/boots`,
      id: "listBoots",
      role: "viewer",
      summary: "all boots that are kept of a host, the oldest first",
      answer: pageOf(BOOT),
      handle: ({ params: { host = "" } }) => ({ items: operations().boots(host) }),
    }),
    jsonRoute({
      method: "GET",
      path: `${HOST_PATH}/events`,
      id: "listHostEvents",
      role: "viewer",
      query: z.strictObject(EVENTS_QUERY),
      summary: "what happened to a host, by time",
      answer: pageOf(EVENT),
      handle: ({ params: { host = "" }, query }) =>
        eventPage({ hosts: () => [host], events: (name) => operations().events(name) }, query),
    }),
    jsonRoute({
      method: "GET",
      path: `${HOST_PATH}/log`,
      id: "getLog",
      role: "viewer",
      query: LOG_QUERY,
      summary: "the last lines of its installer's log",
      answer: z.object({ items: z.array(z.string()) }),
      handle: async ({ params: { host = "" }, query }) => ({ items: await operations().log(host, query) }),
    }),
    jsonRoute({
      method: "GET",
      path: `${HOST_PATH}/bond`,
      id: "getBond",
      role: "viewer",
      summary: "the bond that is declared, and what the installed system found",
      answer: BOND,
      handle: ({ params: { host = "" } }) => operations().bond(host),
    }),
  ];
}

/** Formats that hold the network alone; others may hold the answer file's secrets, or what leads to them. */
const OPEN_FORMATS = ["ifcfg", "nmconnection", "netplan", "networkd", "ifupdown", "modprobe", "dracut"];
const RENDER_QUERY = z.strictObject({
  as: z.string().max(64).default("answer").describe("As `everboot render --as`."),
});
const STAGE_TEXTS = z.array(z.object({ stage: z.string(), lines: z.array(z.string()) }));

function planRoutes({ operations }: ApiContext): ApiRoute[] {
  return [
    jsonRoute({
      method: "GET",
      path: `${HOST_PATH}/plan`,
      id: "getPlan",
      role: "viewer",
      query: MACHINE_QUERY,
      summary: "what it would be told to do if it asked now, and why",
      answer: z.looseObject({ host: z.string(), action: z.string(), reasons: z.array(z.string()) }),
      handle: ({ params: { host = "" }, query }) => operations().plan(host, query),
    }),
    jsonRoute({
      method: "GET",
      path: `${HOST_PATH}/render`,
      id: "renderHost",
      role: "viewer",
      query: RENDER_QUERY,
      summary: `a file that is made for it; for all but ${OPEN_FORMATS.join(", ")} the role admin is needed`,
      answer: z.looseObject({ files: z.array(z.object({ path: z.string(), text: z.string() })) }),
      hasSecrets: true,
      handle: ({ params: { host = "" }, query, caller }) => {
        if (!OPEN_FORMATS.includes(query.as)) requireRole(caller, "admin");
        return operations().render(host, query.as);
      },
    }),
    jsonRoute({
      method: "GET",
      path: `${HOST_PATH}/stages`,
      id: "getStages",
      role: "admin",
      summary: "what it meets at each stage of its install, its answer file too",
      answer: z.object({ revision: z.string(), host: z.string(), stages: STAGE_TEXTS }),
      hasSecrets: true,
      handle: ({ params: { host = "" } }) => operations().stages(host),
    }),
  ];
}

interface ListQuery {
  readonly limit: number;
  readonly after?: string;
  readonly state?: HostSummary["state"];
  readonly q?: string;
}

function pageOfHosts(hosts: ReadonlyArray<{ readonly summary: HostSummary }>, query: ListQuery) {
  const { limit, after, state, q } = query;
  const all = hosts.map(({ summary }) => summary);
  // A host that left the site file meanwhile ended a page: the list begins anew rather than with a gap.
  const begin = after === undefined ? 0 : all.findIndex(({ host }) => host === after) + 1;
  const wanted = all.slice(begin).filter((host) => (state === undefined || host.state === state) && hasText(host, q));
  const items = wanted.slice(0, limit);
  const last = wanted.length > limit ? items.at(-1) : undefined;
  return { items, ...(last && { next: last.host }) };
}

function hasText({ host, profile, note = "" }: HostSummary, text: string = ""): boolean {
  const wanted = text.toLowerCase();
  return [host, profile, note].some((each) => each.toLowerCase().includes(wanted));
}

/** Weak: it does not count the time at which it was asked. */
function tagOfHost(answer: unknown): string {
  const { now: _now, ...status } = answer as { readonly now: number };
  return `W/"${createHash("sha256").update(JSON.stringify(status)).digest("hex").slice(0, 16)}"`;
}
