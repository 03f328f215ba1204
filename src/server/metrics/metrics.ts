/** What Prometheus is told: read from the parts of the daemon at each scrape, so that between two it costs next to nothing. */
import type { Clock } from "../../base/clock.ts";
import type { Health, Writable } from "../../cluster/health.ts";
import type { Journal } from "../../cluster/journal.ts";
import { type PermitState, stateAt } from "../../cluster/permit-rules.ts";
import type { Permits } from "../../cluster/permits.ts";
import { HOST_STATES, type HostStatus } from "../../cluster/status.ts";
import type { Host, Site } from "../../site/model.ts";
import { Histogram, QUICK_BOUNDS } from "../histogram.ts";
import type { Server } from "../server.ts";
import { type ClusterFigures, putClusterFigures } from "./cluster-figures.ts";
import { InstallFigures } from "./install-figures.ts";
import { LoopLag } from "./loop-lag.ts";
import { putProcessFigures } from "./process-figures.ts";
import { putProtocolFigures } from "./protocol-figures.ts";
import { CONTENT_TYPE, type FigureName, flag, Sheet } from "./sheet.ts";

/** For `timedStore`; made before the stores are. */
export interface StoreTimes {
  /** Of the store that permits, journal and leases are in; in a cluster it is common. */
  readonly state: Histogram;
  /** Of this server's own database. */
  readonly disk: Histogram;
}

export interface MetricsOptions {
  /** Of Everboot. */
  readonly version: string;
  /** Name of this server. */
  readonly server: string;
  /** What it serves by now. */
  readonly site: () => Pick<Site, "name" | "revision" | "hosts">;
  readonly servers: () => readonly Server[];
  readonly journal: Pick<Journal, "boots" | "counters" | "subscribe">;
  readonly permits: Pick<Permits, "all">;
  /** Asked of every host at each scrape: keep it cheap. */
  readonly statusOf: (host: Host) => Pick<HostStatus, "state">;
  readonly health: Pick<Health, "isDeaf">;
  /** This server's own part of the state. */
  readonly local: Writable;
  readonly storeTimes: StoreTimes;
  /** Absent = this server is alone. */
  readonly cluster?: ClusterFigures;
  readonly clock: Clock;
  /** Milliseconds, with fractions, of a clock that is never set; default: that of the process. */
  readonly elapsed?: () => number;
}

export interface Scrape {
  readonly contentType: string;
  readonly body: string;
}

export interface Metrics {
  scrape(): Promise<Scrape>;
  stop(): void;
}

export function createStoreTimes(): StoreTimes {
  return { state: new Histogram(QUICK_BOUNDS), disk: new Histogram(QUICK_BOUNDS) };
}

export function createMetrics(options: MetricsOptions): Metrics {
  const { journal, site, clock, elapsed = () => performance.now() } = options;
  const installs = new InstallFigures({
    familyOf: (host) => site().hosts.get(host)?.profile.tree.family,
    bootOf: (host) => journal.boots(host).at(-1),
  });
  const unsubscribe = journal.subscribe((event) => installs.note(event));
  const lag = new LoopLag(clock, elapsed);
  lag.start();
  return {
    async scrape() {
      const sheet = new Sheet();
      putProtocolFigures(sheet, options.servers());
      putHostFigures(sheet, options);
      installs.put(sheet);
      putStateFigures(sheet, options);
      if (options.cluster) putClusterFigures(sheet, options.server, options.cluster);
      putAbout(sheet, options);
      putProcessFigures(sheet, clock.now(), lag.snapshot());
      return { contentType: CONTENT_TYPE, body: await sheet.text() };
    },
    stop() {
      unsubscribe();
      lag.stop();
    },
  };
}

const PERMIT_STATES: readonly PermitState[] = [
  ...(["issued", "started", "writing", "used"] as const),
  ...(["failed", "expired", "cancelled"] as const),
];

function putHostFigures(sheet: Sheet, { site, statusOf, permits, clock }: MetricsOptions): void {
  const hosts = [...site().hosts.values()].map((host) => statusOf(host).state);
  putCounts(sheet, "everboot_hosts", HOST_STATES, hosts);
  const now = clock.now();
  const states = permits.all().map((permit) => stateAt(permit, now));
  putCounts(sheet, "everboot_permits", PERMIT_STATES, states);
}

/** How many there are of each, also of those that there are none of. */
function putCounts(sheet: Sheet, name: FigureName, all: readonly string[], found: readonly string[]): void {
  const counts = new Map(all.map((state) => [state, 0]));
  for (const state of found) counts.set(state, (counts.get(state) ?? 0) + 1);
  for (const [state, count] of counts) sheet.put(name, { state }, count);
}

function putStateFigures(sheet: Sheet, { health, local, storeTimes, journal }: MetricsOptions): void {
  sheet.put("everboot_state_writable", {}, flag(local.failure() === undefined));
  sheet.put("everboot_listeners_answering", {}, flag(!health.isDeaf()));
  sheet.putHistogram("everboot_store_commit_duration_seconds", {}, storeTimes.state.snapshot());
  sheet.putHistogram("everboot_disk_commit_duration_seconds", {}, storeTimes.disk.snapshot());
  const { failures, unsaved, lost } = journal.counters();
  sheet.put("everboot_journal_write_failures_total", {}, failures);
  sheet.put("everboot_journal_unsaved_events", {}, unsaved);
  sheet.put("everboot_journal_lost_events_total", {}, lost);
}

function putAbout(sheet: Sheet, { version, server, site }: MetricsOptions): void {
  const { name, revision } = site();
  sheet.put("everboot_build_info", { version, node: process.versions.node }, 1);
  sheet.put("everboot_site_info", { site: name, server, revision }, 1);
}
