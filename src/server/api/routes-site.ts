/** The fleet, the servers, the site file and what is kept of the cluster. */
import { z } from "zod";
import { EverbootError } from "../../base/errors.ts";
import { includesRole } from "../../cluster/tokens.ts";
import type { ApiContext } from "./context.ts";
import { matchesStrongly } from "./headers.ts";
import { ACCEPT_REQUEST, DRAIN_REQUEST, type SiteAnswer, type UnknownMachines } from "./operations.ts";
import { type ApiRoute, type Call, jsonRoute } from "./route.ts";
import { HOST_STATUS, SERVER_SUMMARY, UNKNOWN_MACHINE } from "./shapes.ts";

export function siteRoutes(context: ApiContext): ApiRoute[] {
  return [...fleetRoutes(context), ...unknownRoutes(context), ...editRoutes(context)];
}

const FLEET = z.looseObject({
  site: z.string(),
  revision: z.string(),
  server: z.string(),
  now: z.number(),
  counters: z.record(z.string(), z.record(z.string(), z.number())).describe("Of this server's servers, by name."),
  hosts: z.array(HOST_STATUS),
  counts: z.record(z.string(), z.number()).describe("Hosts by state."),
});
const CLUSTER = z.looseObject({
  server: z.string(),
  servers: z.array(z.looseObject({ name: z.string(), alive: z.boolean() })),
  troubles: z.array(z.string()),
  state: z.looseObject({ state: z.string() }),
});

function fleetRoutes({ operations }: ApiContext): ApiRoute[] {
  return [
    jsonRoute({
      method: "GET",
      path: "/api/v1/status",
      id: "getStatus",
      role: "viewer",
      summary: "the whole fleet with each host's newest boot, and this server's counters",
      answer: FLEET,
      handle: () => operations().status(),
    }),
    jsonRoute({
      method: "GET",
      path: "/api/v1/servers",
      id: "listServers",
      role: "viewer",
      summary: "the install servers as this one sees them",
      answer: z.object({ items: z.array(SERVER_SUMMARY) }),
      handle: () => ({ items: operations().servers() }),
    }),
    jsonRoute({
      method: "GET",
      path: "/api/v1/cluster",
      id: "getCluster",
      role: "viewer",
      summary: "the servers of a cluster, their common state and what troubles it",
      answer: CLUSTER,
      handle: () => operations().cluster(),
    }),
    jsonRoute({
      method: "POST",
      path: "/api/v1/cluster/drain",
      id: "drainServer",
      role: "operator",
      change: "drain",
      summary: "takes a server out of service, or back into it",
      body: DRAIN_REQUEST,
      answer: z.object({}),
      handle: async ({ body, note }) => {
        note({ target: body.server, after: body.draining ? "out of service" : "in service" });
        return (await operations().drain(body)) ?? {};
      },
    }),
  ];
}

function unknownRoutes({ operations }: ApiContext): ApiRoute[] {
  return [
    jsonRoute({
      method: "GET",
      path: "/api/v1/unknown",
      id: "listUnknown",
      role: "viewer",
      summary: "machines that have asked and are no hosts of the site",
      answer: z.object({ items: z.array(UNKNOWN_MACHINE) }),
      handle: () => ({ items: unknownMachines(operations().unknown).list() }),
    }),
    jsonRoute({
      method: "POST",
      path: "/api/v1/unknown/{mac}/accept",
      id: "acceptUnknown",
      role: "operator",
      change: "accept",
      summary: "makes a host of such a machine, in the site file that is applied",
      body: ACCEPT_REQUEST,
      answer: z.looseObject({}),
      handle: ({ params: { mac = "" }, body, note }) => {
        note({ target: mac, after: [body.name, body.profile, body.address].filter(Boolean).join(", ") });
        return unknownMachines(operations().unknown).accept(mac, body);
      },
    }),
  ];
}

function unknownMachines(given: UnknownMachines | undefined): UnknownMachines {
  if (!given) throw new EverbootError("call-unknown");
  return given;
}

/** Bytes of a site file's text, as JSON: 100,000 hosts take a sixth of it. */
const LARGEST_SITE = 64 << 20;

const SITE = z.looseObject({
  number: z.number().describe("How manyth site file was applied; 0 = none yet."),
  revision: z.string(),
  text: z.string().exactOptional().describe("For admins alone: it holds password hashes."),
  servers: z.array(z.looseObject({ name: z.string(), alive: z.boolean() })),
});

const APPLY = z.strictObject({
  text: z.string(),
  expected: z
    .number()
    .int()
    .min(0)
    .exactOptional()
    .describe("`number` of the site file that this one follows; may be left out with If-Match."),
});

function editRoutes({ operations }: ApiContext): ApiRoute[] {
  return [
    jsonRoute({
      method: "GET",
      path: "/api/v1/site",
      id: "getSite",
      role: "viewer",
      summary: "the site file that is applied, and which server serves it; its entity tag is that of the file",
      answer: SITE,
      hasSecrets: true,
      tag: tagOfSite,
      handle: async ({ caller }) => {
        const { text, ...report } = await operations().site();
        return includesRole(caller.role, "admin") ? { ...report, text } : report;
      },
    }),
    jsonRoute({
      method: "PUT",
      path: "/api/v1/site",
      id: "applySite",
      role: "admin",
      change: "apply",
      summary: "applies another site file to all servers",
      headers: { "if-match": "Entity tag of the site file that this one follows." },
      bodyLimit: LARGEST_SITE,
      body: APPLY,
      answer: z.looseObject({ revision: z.string() }),
      handle: async (call) => {
        const before = await operations().site();
        const expected = expectedNumber(call, before);
        call.note({ target: "site file", before: shownSite(before) });
        const applied = await operations().apply({ text: call.body.text, expected });
        call.note({ after: shownSite({ number: expected + 1, revision: applied.revision }) });
        return applied;
      },
    }),
  ];
}

type SiteFile = Pick<SiteAnswer, "number" | "revision">;

function expectedNumber(call: Call<unknown, unknown, z.infer<typeof APPLY>>, now: SiteFile): number {
  const wanted = call.header("if-match");
  const tag = tagOfSite(now);
  if (wanted !== undefined && !matchesStrongly(wanted, tag)) throw new EverbootError("version-differs", { tag });
  const expected = call.body.expected ?? (wanted === undefined ? undefined : now.number);
  if (expected === undefined)
    throw new EverbootError("usage", { what: "say which site file it follows: `expected`, or If-Match" });
  return expected;
}

function tagOfSite(answer: unknown): string {
  const { number, revision } = answer as SiteFile;
  return `"${number}-${revision.slice(0, 16)}"`;
}

function shownSite({ number, revision }: SiteFile): string {
  return `revision ${number} (${revision.slice(0, 12)})`;
}
