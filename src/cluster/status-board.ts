/** The status of every host, kept until something of it changes: thousands are asked for at a time. */
import type { Clock } from "../base/clock.ts";
import type { Host } from "../site/model.ts";
import type { JournalEvent } from "./events.ts";
import type { Journal } from "./journal.ts";
import { type Learned, learnFrom } from "./learned.ts";
import type { Permit } from "./permit-rules.ts";
import type { Permits } from "./permits.ts";
import { type Around, type Declared, foldStatus, type HostStatus } from "./trace.ts";

export interface StatusBoardOptions {
  readonly journal: Pick<Journal, "events" | "hosts" | "version" | "subscribe">;
  readonly permits: Pick<Permits, "newestOf">;
  readonly clock: Pick<Clock, "now">;
  /** Why this server cannot keep its state, in words; undefined = it can. */
  readonly trouble?: () => string | undefined;
  /** How many packages the lists of the host's tree say that an install brings; undefined = not known (yet). */
  readonly treePackages?: (host: Host) => number | undefined;
}

interface Kept {
  readonly status: HostStatus;
  readonly host: Host;
  readonly version: number;
  readonly permit: Permit | undefined;
  /** From when on it is to be told anew, and before when if the clock is set back. */
  readonly from: number;
  readonly until: number;
}

/** Milliseconds. What happens to others is part of a cause. */
const CAUSE_KEPT = 10_000;

export class StatusBoard {
  private readonly options: StatusBoardOptions;
  private readonly kept = new Map<string, Kept>();
  private readonly learned: Learned;
  private readonly ends: ReadonlyArray<() => void>;
  /** The newest file that was served to each of the two hosts that were served last, the newest first. */
  private served: readonly Pick<JournalEvent, "host" | "at">[] = [];

  /** Reads the whole journal, for what earlier installs were like. */
  constructor(options: StatusBoardOptions) {
    this.options = options;
    const { learned, close } = learnFrom(options.journal);
    this.learned = learned;
    this.ends = [close, options.journal.subscribe((event) => this.note(event))];
  }

  status(host: Host): HostStatus {
    const { journal, permits, clock } = this.options;
    const [version, permit, now] = [journal.version(host.name), permits.newestOf(host.name), clock.now()];
    const known = this.kept.get(host.name);
    const isSame = known?.host === host && known.version === version && known.permit === permit;
    if (isSame && now >= known.from && now < known.until) return known.status;
    const status = this.fold(host, permit, now);
    this.kept.set(host.name, { ...{ status, host, version, permit, from: now }, until: changeAfter(status, now) });
    return status;
  }

  close(): void {
    for (const end of this.ends) end();
  }

  private fold(host: Host, permit: Permit | undefined, now: number): HostStatus {
    return foldStatus(host.name, this.options.journal.events(host.name), permit, now, {
      declared: declaredOf(host, this.options.treePackages?.(host)),
      around: this.around(host.name),
      expected: (profile, began) => this.learned.before(profile, began),
    });
  }

  private around(host: string): Around {
    const lastServed = this.served.find((each) => each.host !== host)?.at;
    const trouble = this.options.trouble?.();
    return { ...(lastServed !== undefined && { lastServed }), ...(trouble !== undefined && { trouble }) };
  }

  private note({ what, host, at }: JournalEvent): void {
    if (what === "served")
      this.served = [{ host, at }, ...this.served.filter((each) => each.host !== host)].slice(0, 2);
  }
}

export function declaredOf({ profile, bond }: Host, treePackages?: number): Declared {
  const { name: tree, arch } = profile.tree;
  return {
    ...{ profile: profile.name, tree, arch },
    ...(bond && { bondMode: bond.mode }),
    ...(treePackages !== undefined && { treePackages }),
  };
}

/** When time alone changes it. */
function changeAfter({ deadline, permit, cause }: HostStatus, now: number): number {
  const times = [deadline, permit?.expires, cause && now + CAUSE_KEPT];
  return times.reduce<number>((next, at) => (at !== undefined && at > now ? Math.min(next, at) : next), Infinity);
}
