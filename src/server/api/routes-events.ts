/** The journal in pages, and live views as server-sent events. */
import { z } from "zod";
import type { ApiContext } from "./context.ts";
import { eventPage } from "./event-log.ts";
import { type ApiRoute, jsonRoute, PAGE_QUERY, streamRoute } from "./route.ts";
import { EVENT, pageOf } from "./shapes.ts";

export const EVENTS_QUERY = {
  limit: PAGE_QUERY.limit,
  after: PAGE_QUERY.after.describe("Id of an event: those after it. `0`: from the oldest. Left out: the newest ones."),
};
const HOST = z.string().max(300).exactOptional().describe("Only this host's.");

export function eventRoutes({ operations, live }: ApiContext): ApiRoute[] {
  return [
    jsonRoute({
      method: "GET",
      path: "/api/v1/events",
      id: "listEvents",
      role: "viewer",
      summary: "what happened to the hosts, by time",
      query: z.strictObject({ ...EVENTS_QUERY, host: HOST }),
      answer: pageOf(EVENT),
      handle: ({ query }) => {
        const source = { hosts: () => operations().names().hosts, events: (host: string) => operations().events(host) };
        return eventPage(source, query);
      },
    }),
    streamRoute({
      method: "GET",
      path: "/api/v1/events/stream",
      id: "followEvents",
      role: "viewer",
      summary: "events of the journal as they come (`event: event`); goes on after Last-Event-ID",
      headers: { "last-event-id": "Id of the last event that was received." },
      query: z.strictObject({ after: PAGE_QUERY.after.describe("As Last-Event-ID."), host: HOST }),
      open: (_request, response, { query: { after, host }, header }) =>
        live.followEvents(response, header("last-event-id") ?? after, host),
    }),
    streamRoute({
      method: "GET",
      path: "/api/v1/stream",
      id: "followFleet",
      role: "viewer",
      summary: "the fleet, live: `event: fleet` first, then `hosts` with what changes, and `servers` each second",
      open: (_request, response) => live.followFleet(response),
    }),
  ];
}
