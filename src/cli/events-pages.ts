/** Events of the journal, asked of the daemon page by page. */
import type { JournalEvent } from "../cluster/events.ts";
import type { Get } from "./daemon-door.ts";
import { hostPath } from "./state-option.ts";

/** As the API tells it: its id is the same at each server, and after a restart. */
export type KnownEvent = JournalEvent & { readonly id: string };

/** The most that the daemon gives at once. */
export const PAGE = 1_000;

interface Page {
  readonly items: readonly KnownEvent[];
  readonly next?: string;
}

/** The newest, at most `count` (up to PAGE), oldest first; of one host or of all. */
export async function newestEvents(get: Get, host: string | undefined, count: number): Promise<readonly KnownEvent[]> {
  const { items } = (await get(`${eventsPath(host)}?limit=${count}`)) as Page;
  return items;
}

/** Those of this time and later (milliseconds since 1970), oldest first. */
export async function* eventsSince(get: Get, host: string | undefined, since: number): AsyncGenerator<KnownEvent> {
  let after: string | undefined = firstIdAt(since);
  while (after !== undefined) {
    const query: string = new URLSearchParams({ limit: String(PAGE), after }).toString();
    const page = (await get(`${eventsPath(host)}?${query}`)) as Page;
    yield* page.items;
    after = page.items.length < PAGE ? undefined : page.next;
  }
}

/** Ids begin with the time and are in its order (server/api/event-log.ts): this is before all of that moment. */
export function firstIdAt(time: number): string {
  return String(Math.max(0, Math.floor(time))).padStart(13, "0");
}

function eventsPath(host: string | undefined): string {
  return host === undefined ? "/api/v1/events" : hostPath(host, "/events");
}
