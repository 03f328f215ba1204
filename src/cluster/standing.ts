/** How a server of a site stands to the others, as far as handing permits out goes (law 5). */
import type { Clock } from "../base/clock.ts";
import type { Replica } from "../store/replica.ts";
import { allTold } from "./members.ts";
import type { PairKeeper } from "./pair-keeper.ts";
import type { Standing } from "./permits.ts";

export interface StandingOptions {
  readonly replica: Pick<Replica, "beats" | "status" | "caughtUp">;
  /** Names of the other servers of the site, as it is now. */
  readonly others: () => readonly string[];
  readonly clock: Clock;
  /** Where the site is a pair without a third machine. */
  readonly pair?: Pick<PairKeeper, "state">;
}

/** For `PermitsOptions.standing`. */
export function createStanding({ replica, others, clock, pair }: StandingOptions): () => Standing {
  const mayHandOut = () => {
    if (pair?.state === "sole") return true;
    return pair?.state !== "waiting" && replica.caughtUp();
  };
  return () => ({ mayHandOut: mayHandOut(), allTold: allTold(replica, others(), clock.now()) });
}
