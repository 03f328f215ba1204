/** What the routes of the API draw on. */
import type { Audit } from "../../cluster/audit.ts";
import type { JournalEvent } from "../../cluster/events.ts";
import type { Tokens } from "../../cluster/tokens.ts";
import type { Access } from "./access.ts";
import type { FleetFeed } from "./feed.ts";
import type { GivenAnswers } from "./idempotency.ts";
import type { Live } from "./live.ts";
import type { Operations, PermitAnswer } from "./operations.ts";

export interface ApiContext {
  /** Asked at each call: another revision of the site file has others. */
  readonly operations: () => Operations;
  readonly feed: FleetFeed;
  readonly live: Live;
  /** Permits, by the key of their request. */
  readonly given: GivenAnswers<PermitAnswer>;
  /** Absent = there is the control socket alone. */
  readonly keys?: Keys;
}

/** Who may come in, and what those who did have changed. */
export interface Keys {
  readonly access: Access;
  readonly tokens: Tokens;
  readonly audit: Audit;
}

/** Calls back with each event of the journal from now on; returns what ends it. */
export type Subscribe = (listener: (event: JournalEvent) => void) => () => void;
