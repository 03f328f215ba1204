/** The state of a daemon, opened: its store, and what is kept in it. */
import { randomBytes } from "node:crypto";
import { type Clock, steadyClock } from "./base/clock.ts";
import type { Log } from "./base/log.ts";
import { type Audit, createAudit } from "./cluster/audit.ts";
import { type CurrentVersions, openCurrentVersions } from "./cluster/current-versions.ts";
import { type Draining, openDraining } from "./cluster/draining.ts";
import type { Following } from "./cluster/follow-store.ts";
import type { Writable } from "./cluster/health.ts";
import { watchWrites } from "./cluster/health-store.ts";
import { createHostLogs, type HostLogs } from "./cluster/host-log.ts";
import { type Journal, openJournal } from "./cluster/journal.ts";
import { LeaseTable } from "./cluster/leases.ts";
import type { MemberRecord, Members } from "./cluster/members.ts";
import { openPermits, type Permits } from "./cluster/permits.ts";
import type { StatePaths } from "./cluster/state-folder.ts";
import { openTokens, type Tokens } from "./cluster/tokens.ts";
import { openUnknown, type UnknownMachines } from "./cluster/unknown.ts";
import { createVendors } from "./cluster/unknown-vendors.ts";
import { type Common, isCluster, openCommon } from "./daemon-common.ts";
import { isApart } from "./server/dhcp/shares.ts";
import { createStoreTimes, type StoreTimes } from "./server/metrics/metrics.ts";
import { timedStore } from "./server/metrics/timed-store.ts";
import type { Site } from "./site/model.ts";
import { openSqliteStore } from "./store/sqlite.ts";
import type { Store } from "./store/store.ts";

export interface State {
  readonly store: Store;
  /** This server's own part of it. */
  readonly local: Store & Writable;
  /** Where it is common to several servers. */
  readonly common?: Common;
  readonly members: () => Members;
  readonly following: Following;
  readonly journal: Journal;
  readonly permits: Permits;
  readonly leases: LeaseTable;
  readonly draining: Draining;
  /** Of the trees, where the state is common. */
  readonly current?: CurrentVersions;
  readonly logs: HostLogs;
  /** Of the API, and who has changed what by it. */
  readonly tokens: Tokens;
  readonly audit: Audit;
  /** Machines that are no hosts. */
  readonly unknown: UnknownMachines;
  readonly storeTimes: StoreTimes;
}

/** What ends that which was begun, last first. */
export type Undo = Array<() => Promise<void> | void>;

export interface StateOptions {
  /** Says whether the state is common, and where the cluster is. */
  readonly site: Site;
  /** Name of this server. */
  readonly server: string;
  readonly paths: StatePaths;
  readonly clock: Clock;
  readonly log: Log;
  /** What it tells the others of itself. */
  readonly about: () => Omit<MemberRecord, "draining">;
  /** `PermitsOptions.handOutAgainMs`. */
  readonly handOutAgainMs?: number;
  readonly undo: Undo;
}

export async function openState(options: StateOptions): Promise<State> {
  const { site, server, paths, clock, log, undo, handOutAgainMs } = options;
  const storeTimes = createStoreTimes();
  const local = watchWrites(timedStore(await openSqliteStore(paths.store), storeTimes.disk), clock);
  const kept: { draining?: Draining } = {};
  const about = () => ({ ...options.about(), draining: kept.draining?.has(server) ?? false });
  const common = isCluster(site)
    ? // Who is away, and for how long, is told from what goes on here: a clock that jumps must change nothing.
      await openCommon({ ...options, clock: steadyClock, site, server, folder: paths.folder, local, about })
    : undefined;
  const store = timedStore(common?.replica ?? local, storeTimes.state);
  undo.push(() => store.close());
  const ended = new AbortController();
  undo.push(() => ended.abort());
  const following = { signal: ended.signal, clock };
  const others = common ? { following, standing: common.standing } : {};
  const journal = await openJournal({ store, clock, server, ...others });
  undo.push(() => journal.flush());
  const again = handOutAgainMs === undefined ? {} : { handOutAgainMs };
  const permits = await openPermits({ store, clock, journal, random: randomBytes, ...others, ...again });
  const leases = await LeaseTable.open(store, { ...others, isApart: () => isApart(common?.awayMs() ?? 0) });
  const draining = await openDraining({ store, ...others });
  kept.draining = draining;
  const current = common && (await openCurrentVersions({ store, ...others }));
  const logs = createHostLogs(paths.logs);
  undo.push(() => logs.flush());
  const unknown = await openUnknown({ store, clock, server, vendorOf: createVendors(), ...others });
  undo.push(() => unknown.close());
  const tokens = await openTokens({ store, clock, random: randomBytes, ...others });
  const audit = createAudit({ store, clock, log, server });
  undo.push(() => audit.flush());
  const members = common?.members ?? ((): Members => new Map());
  const facts = { journal, permits, leases, draining, logs, unknown, tokens, audit, ...(current && { current }) };
  return { store, local, ...(common && { common }), members, following, ...facts, storeTimes };
}
