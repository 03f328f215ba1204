/** A fleet in memory, for the dashboard: machines that move through their stages when told to. Same seed, same fleet. */
import { type JournalEvent, STAGES, type Stage } from "../../src/cluster/events.ts";
import type { BootTrace, Cause, HostState, HostStatus } from "../../src/cluster/status.ts";
import type { HostSummary, ServerSummary, UnknownMachine } from "../../src/server/api/shapes.ts";

export interface WebFleet {
  readonly hosts: Map<string, HostSummary>;
  readonly servers: ServerSummary[];
  readonly unknown: UnknownMachine[];
  /** Moves this many machines on, round robin; returns those that changed. */
  step(count: number, now: number): HostSummary[];
  status(host: string, now: number): HostStatus | undefined;
  boots(host: string): BootTrace[];
  events(host: string): JournalEvent[];
}

export const CAUSES: Readonly<Record<"stalled" | "failed" | "differs" | "expired", Cause>> = {
  stalled: {
    id: "lacp-port-blocked",
    text: "its switch port is blocked since iPXE handed over",
    todo: "set the port channel to fall back to single ports (`lacp fallback`, `no lacp suspend-individual`)",
    evidence: "the loader was fetched, and nothing was heard for 4 min",
  },
  failed: {
    id: "mirror-file-absent",
    text: "a package of the tree is not on the mirror",
    todo: "run `everboot import` again for debian-12, then install again",
    evidence: "404 for pool/main/l/linux/linux-image-6.1.0-28-amd64_6.1.119-1_amd64.deb",
  },
  differs: {
    id: "bond-member-down",
    text: "a member of bond0 is down",
    todo: "see the cable and the switch port of 52:54:00:00:01:02",
    evidence: "the report of its first boot: eth1 has MII status down",
  },
  expired: {
    id: "permit-expired",
    text: "its permit ran out before it asked",
    todo: "see that it boots from the network, and install it again",
    evidence: "permit 3fa9c1d2 expired, no DHCP request of it was seen",
  },
};

const PROFILES = ["web", "compute", "storage"];
const MINUTE = 60_000;

/** The fixed rate of the fleet, in bytes per second. */
const RATE = 11 * 2 ** 20;

export function createWebFleet(count: number, now: number): WebFleet {
  const names = Array.from({ length: count }, (_, place) => nameOf(place));
  const hosts = new Map(names.map((name, place) => [name, startOf(name, place, now)]));
  let next = 0;
  return {
    hosts,
    servers: serversOf(),
    unknown: unknownOf(now),
    step(many, at) {
      const changed = new Map<string, HostSummary>();
      // One round at most: whoever stands still is passed over.
      for (let tries = 0; changed.size < many && tries < names.length; tries += 1) {
        const name = names[next % names.length] ?? "";
        const before = hosts.get(name);
        const after = before && movedOn(before, next, at);
        next += 1;
        if (after === undefined || after === before) continue;
        hosts.set(name, after);
        changed.set(name, after);
      }
      return [...changed.values()];
    },
    status: (name, at) => {
      const host = hosts.get(name);
      return host && statusOf(host, bootOf(host, 3, now), at);
    },
    boots: (name) => {
      const host = hosts.get(name);
      const newest = host && bootOf(host, 3, now);
      return newest ? [earlier(newest, 1), earlier(newest, 2), newest] : [];
    },
    events: (name) => {
      const host = hosts.get(name);
      const boot = host && bootOf(host, 3, now);
      return boot ? eventsOf(name, boot) : [];
    },
  };
}

/** `rack01-node-01`: 40 machines a rack. */
function nameOf(place: number): string {
  const two = (number: number) => String(number).padStart(2, "0");
  return `rack${two(Math.floor(place / 40) + 1)}-node-${two((place % 40) + 1)}`;
}

/** Of each 40 machines, how many begin in each state. Trouble is rarer: `turn` lets it befall one of so many of them. */
const SHARES: ReadonlyArray<{ readonly seats: number; readonly state: HostState; readonly turn?: number }> = [
  { seats: 14, state: "installing" },
  { seats: 4, state: "booting" },
  { seats: 1, state: "stalled", turn: 3 },
  { seats: 1, state: "failed", turn: 5 },
  { seats: 1, state: "differs", turn: 4 },
  { seats: 1, state: "expired", turn: 6 },
  { seats: 1, state: "installed" },
  { seats: 2, state: "permitted" },
  { seats: 7, state: "verified" },
  { seats: 6, state: "local" },
  { seats: 2, state: "idle" },
];
const SEATS = SHARES.flatMap((share) => Array.from({ length: share.seats }, () => share));

function startOf(host: string, place: number, now: number): HostSummary {
  const { state, turn = 1 } = SEATS[(place * 7) % SEATS.length] ?? { state: "idle" };
  const base = { host, profile: PROFILES[place % PROFILES.length] ?? "web", server: place % 2 === 0 ? "one" : "two" };
  const started = now - 6 * MINUTE - (place % 240) * 1000;
  const isSpared = Math.floor(place / SEATS.length) % turn !== 0;
  return inState(isSpared ? "verified" : state, { ...base, started }, place, now);
}

function inState(state: HostState, base: Base & { started: number }, place: number, now: number): HostSummary {
  const { host, profile, started } = base;
  switch (state) {
    case "installing":
      return installing(base, (place % 97) / 100, now);
    case "booting":
      return inStage(base, state, "loader", started);
    case "installed":
      return inStage(base, state, "reboot", started);
    case "verified":
      return inStage(base, state, "verified", started);
    case "stalled":
    case "failed":
    case "differs":
      return inTrouble(base, state, started, now);
    case "expired":
      return { host, profile, state, cause: CAUSES.expired };
    case "permitted":
      return { host, profile, state, awaiting: "the machine to boot from the network" };
    default:
      return { host, profile, state };
  }
}

type Base = Pick<HostSummary, "host" | "profile"> & Partial<HostSummary>;

function inStage(base: Base, state: HostState, stage: Stage, started: number): HostSummary {
  return { ...base, state, stage, started, since: started + STAGES.indexOf(stage) * 9_000 };
}

const STOPPED_IN = { stalled: "kernel", failed: "packages", differs: "verified" } as const;

function inTrouble(base: Base, state: keyof typeof STOPPED_IN, started: number, now: number): HostSummary {
  const failed =
    state === "failed" ? { progress: progressOf(0.41), note: "the installer failed: apt-get exited 100" } : {};
  return {
    ...inStage(base, state, STOPPED_IN[state], started),
    ...failed,
    cause: CAUSES[state],
    deadline: now - MINUTE,
  };
}

function installing(base: Base, fraction: number, now: number): HostSummary {
  const started = base.started ?? now;
  return {
    ...base,
    state: "installing",
    stage: "packages",
    started,
    since: started + 45_000,
    progress: progressOf(fraction),
    awaiting: "more packages, or the report that they are installed",
    deadline: now + 10 * MINUTE,
    rate: RATE,
  };
}

function progressOf(fraction: number): NonNullable<HostSummary["progress"]> {
  const of = 903;
  return { fraction, basis: "earlier", isEstimate: true, done: Math.floor(of * fraction), of, unit: "packages" };
}

/** What comes next for a machine on its way; others stay as they are. */
function movedOn(host: HostSummary, turn: number, now: number): HostSummary {
  const { rate: _rate, deadline: _deadline, awaiting: _awaiting, ...rest } = host;
  switch (host.state) {
    case "installing": {
      const fraction = Math.min(1, (host.progress?.fraction ?? 0) + 0.01);
      if (fraction < 1) return installing(host, fraction, now);
      return { ...rest, state: "installed", stage: "reboot", since: now, progress: progressOf(1) };
    }
    case "booting":
      return turn % 3 === 0 ? installing(rest, 0, now) : { ...host, stage: "kernel", since: now };
    case "permitted":
      return inStage(rest, "booting", "dhcp", now);
    case "installed":
      return { ...rest, state: "verified", stage: "verified", since: now };
    default:
      return host;
  }
}

function serversOf(): ServerSummary[] {
  const alive = { alive: true, installs: 120, queue: 0, rate: 118 * 2 ** 20 };
  return [
    { name: "one", ...alive, floating: "10.20.0.11", heldBy: "one", self: true },
    { name: "two", ...alive, installs: 97, queue: 4, rate: 92 * 2 ** 20, floating: "10.20.0.12", heldBy: "two" },
    { name: "three", alive: false, floating: "10.20.0.13", heldBy: "one" },
  ];
}

function unknownOf(now: number): UnknownMachine[] {
  const seen = { first: now - 20 * MINUTE, last: now - 12_000, interface: "bond0" };
  return [
    {
      ...{ mac: "52:54:00:aa:00:01", times: 14, arch: "amd64", firmware: "uefi", vendor: "Dell Inc." },
      ...{ uuid: "4c4c4544-0042-3510-8051-b7c04f4a3232", address: "10.20.3.7", ...seen },
    },
    { mac: "52:54:00:aa:00:02", times: 2, arch: "arm64", firmware: "uefi", ...seen },
  ];
}

function statusOf(host: HostSummary, boot: BootTrace | undefined, now: number): HostStatus {
  const { state, progress, cause, deadline, awaiting, note } = host;
  const permitStates: Partial<Record<HostState, NonNullable<HostStatus["permit"]>["state"]>> = {
    permitted: "issued",
    booting: "started",
    stalled: "started",
    installing: "writing",
    failed: "failed",
    expired: "expired",
    verified: "used",
    installed: "used",
    differs: "used",
  };
  const permitState = permitStates[state];
  return {
    host: host.host,
    state,
    ...(permitState && {
      permit: { id: "3fa9c1d2", state: permitState, issued: now - 10 * MINUTE, expires: now + 230 * MINUTE },
    }),
    ...(boot && { boot, trace: boot.id }),
    ...(progress && { progress }),
    ...(cause && { cause }),
    ...(deadline !== undefined && { deadline }),
    ...(awaiting !== undefined && { awaiting: { what: awaiting, since: now - 4_000 } }),
    ...(note !== undefined && { lastNote: { at: now - 30_000, text: note } }),
  };
}

const PATHS: Readonly<Record<Stage, string>> = {
  dhcp: "",
  loader: "loader/undionly.kpxe",
  script: "boot.ipxe",
  kernel: "tree/debian-12/linux",
  answer: "answer/preseed.cfg",
  packages: "tree/debian-12/pool/main/l/linux/linux-image-6.1.0-28-amd64.deb",
  post: "report/post",
  reboot: "boot.ipxe",
  verified: "report/first-boot",
};

const FILES: Readonly<Partial<Record<Stage, readonly [files: number, bytes: number]>>> = {
  loader: [1, 72_438],
  script: [1, 812],
  kernel: [2, 47 * 2 ** 20],
  answer: [3, 14_200],
  packages: [412, 318 * 2 ** 20],
};

/** `heard`: when a machine that installs was heard last. */
function bootOf(host: HostSummary, number: number, heard: number): BootTrace | undefined {
  const { state, stage, started, since, server } = host;
  if (stage === undefined || started === undefined || since === undefined) return undefined;
  const reached = STAGES.slice(0, STAGES.indexOf(stage as Stage) + 1);
  const each = (since - started) / Math.max(1, reached.length - 1);
  const stages = reached.map((name, place) => {
    const [files, bytes] = FILES[name] ?? [0, 0];
    const first = started + place * each;
    const isLast = place === reached.length - 1;
    const lastOfAll = state === "installing" ? Math.max(heard, first) : first + 1000;
    return {
      ...{ stage: name, first, last: isLast ? lastOfAll : first + each * 0.9, events: files + 1, files, bytes },
      ...(files > 0 && server !== undefined && { server, path: PATHS[name] }),
      ...(!isLast && { ended: first + each }),
    };
  });
  return { number, id: `7c01de0${number}`, started, stages };
}

function earlier(boot: BootTrace, number: number): BootTrace {
  const back = (3 - number) * 24 * 60 * MINUTE;
  const stages = boot.stages
    .slice(0, 3)
    .map((stage) => ({ ...stage, first: stage.first - back, last: stage.last - back }));
  return { number, id: `7c01de0${number}`, started: boot.started - back, stages };
}

/** In `packages` the first server dies, and the other one goes on. */
function eventsOf(host: string, boot: BootTrace): JournalEvent[] {
  return boot.stages.flatMap(({ stage, first, last, server }) => {
    if (server === undefined) return [];
    const heir = server === "one" ? "two" : "one";
    const halves = stage === "packages" ? [server, heir] : [server];
    return halves.map((name, place): JournalEvent => {
      const at = first + ((last - first) * place) / halves.length;
      const facts = { path: PATHS[stage], server: name, bytes: 1_000_000, rate: RATE };
      return { at, host, boot: boot.number, trace: boot.id, stage, what: "served", facts };
    });
  });
}
