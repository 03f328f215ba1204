/** A fleet as the daemon streams it, for the tests of the watch. */
import type { HostSummary, ServerSummary } from "../../src/server/api/shapes.ts";

/** 2026-11-20 12:03:11 UTC. */
export const NOW = Date.UTC(2026, 10, 20, 12, 3, 11);
const MINUTE = 60_000;

export const STALLED: HostSummary = {
  host: "vm10",
  profile: "debian",
  state: "stalled",
  stage: "kernel",
  since: NOW - 13 * MINUTE,
  started: NOW - 14 * MINUTE,
  awaiting: "the installer to read its answers",
  deadline: NOW - 3 * MINUTE,
  server: "one",
  cause: {
    id: "answer-not-fetched",
    text: "kernel and initrd were fetched, the answers were not",
    todo: "look at its screen: the installer may have no driver for its NIC",
    evidence: "initrd.gz was sent 13 min ago, and nothing after it",
  },
};

export const HOSTS: readonly HostSummary[] = [
  {
    ...{ host: "vm1", profile: "debian", state: "installing", stage: "packages", since: NOW - 2 * MINUTE },
    progress: { fraction: 0.52, basis: "counted", isEstimate: false, done: 471, of: 903, unit: "packages" },
    ...{ awaiting: "more packages", server: "one", rate: 11_744_051 },
  },
  {
    ...{ host: "vm2", profile: "rocky", state: "installing", stage: "packages", since: NOW - 5 * MINUTE },
    progress: { fraction: 0.999, basis: "earlier", isEstimate: true, done: 1_200_000_000, unit: "bytes" },
    ...{ awaiting: "more packages", server: "two", rate: 96_000_000 },
  },
  {
    host: "vm3",
    profile: "debian",
    state: "verified",
    stage: "verified",
    since: NOW - 180 * MINUTE,
    note: "bond0 is up",
  },
  STALLED,
  { host: "vm11", profile: "rocky", state: "idle" },
];

export const SERVERS: readonly ServerSummary[] = [
  { name: "one", alive: true, floating: "192.168.0.253", heldBy: "one", installs: 1, rate: 11_744_051, self: true },
  { name: "two", alive: true, floating: "192.168.0.254", heldBy: "one", installs: 1, queue: 3, rate: 96_000_000 },
  { name: "three", alive: false, floating: "192.168.0.252" },
];

/** Of the `count` hosts `n1`, `n2`, ...: every tenth is installing. */
export function manyHosts(count: number): HostSummary[] {
  return Array.from({ length: count }, (_, place): HostSummary => {
    const host = `n${place + 1}`;
    if (place % 10 !== 0) return { host, profile: "debian", state: "idle" };
    return { ...(HOSTS[0] as HostSummary), host };
  });
}
