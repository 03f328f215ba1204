/** What the logs of a fleet add up to. Pure. */
import type { MachineLog } from "./fleet.ts";
import type { DhcpClient } from "./patience.ts";

/** Value below which `share` (0 to 1) of the values lie, by nearest rank; 0 of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(Math.ceil(sorted.length * share) - 1, 0)] ?? 0;
}

/** Milliseconds from the first DISCOVER to the ACK, of each exchange of the fleet. */
export function dhcpTimes(logs: readonly MachineLog[], client?: DhcpClient): number[] {
  return logs.flatMap(({ dhcp }) =>
    dhcp.filter((each) => client === undefined || each.client === client).map(({ ms }) => ms),
  );
}

/** The address that most of a machine's bytes came from. */
export function serverOf({ bytes }: MachineLog): string | undefined {
  return Object.entries(bytes).toSorted(([, a], [, b]) => b - a)[0]?.[0];
}

export interface Served {
  /** Those that had most of their bytes from it. */
  readonly machines: readonly string[];
  readonly bytes: number;
}

/** By the servers' addresses. */
export function served(logs: readonly MachineLog[]): ReadonlyMap<string, Served> {
  const addresses = new Set(logs.flatMap(({ bytes }) => Object.keys(bytes)));
  return new Map(
    [...addresses].sort().map((address) => [
      address,
      {
        machines: logs.filter((log) => serverOf(log) === address).map(({ name }) => name),
        bytes: logs.reduce((sum, { bytes }) => sum + (bytes[address] ?? 0), 0),
      },
    ]),
  );
}

/** How many installs ran at a moment, of one server or of all. */
export function runningAt(logs: readonly MachineLog[], at: number, server?: string): number {
  const isMeant = (log: MachineLog) => server === undefined || serverOf(log) === server;
  return logs.filter((log) => isMeant(log) && runs(log, at)).length;
}

/** The most installs that ran at one moment. */
export function mostAtOnce(logs: readonly MachineLog[], server?: string): number {
  const beginnings = logs.flatMap(({ begun }) => (begun === undefined ? [] : [begun]));
  return Math.max(0, ...beginnings.map((at) => runningAt(logs, at, server)));
}

/** From its script to its last report on the way: to a server it begins earlier and ends later, never the other way round. */
function runs({ begun, finish }: MachineLog, at: number): boolean {
  return begun !== undefined && begun <= at && (finish === undefined || finish > at);
}

/** Words for a report. */
export function fleetText(logs: readonly MachineLog[]): string {
  const times = dhcpTimes(logs);
  const ends = logs.map(({ disk = 0 }) => disk);
  const bytes = [...served(logs).values()].reduce((sum, each) => sum + each.bytes, 0);
  const installed = logs.filter(({ done }) => done !== undefined).length;
  const seconds = Math.max(...ends) / 1000;
  const repeated = logs.flatMap(({ dhcp }) => dhcp).filter(({ sent }) => sent > 2).length;
  const ms = (share: number) => `${Math.round(percentile(times, share))} ms`;
  return [
    `${logs.length} machines, ${installed} of them installed, in ${seconds.toFixed(1)} s; at most ${mostAtOnce(logs)} installs at once`,
    `${(bytes / 1e6).toFixed(0)} MB, ${(bytes / 1e6 / seconds).toFixed(0)} MB/s`,
    `DHCP p50 ${ms(0.5)}, p99 ${ms(0.99)}, worst ${ms(1)}; ${repeated} of ${times.length} exchanges had a message repeated`,
    `${logs.filter(({ waits }) => waits > 0).length} machines waited, ${logs.reduce((sum, { waits }) => sum + waits, 0)} times`,
    `${logs.reduce((sum, { timeouts }) => sum + timeouts.length, 0)} programs gave up`,
    ...[...served(logs)].map(
      ([address, each]) => `${address}: ${each.machines.length} machines, ${(each.bytes / 1e6).toFixed(1)} MB`,
    ),
  ].join("; ");
}
