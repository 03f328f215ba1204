/** One schedule: load and troubles at once, then rest, then the checker. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { LabCluster } from "../../lab/cluster.ts";
import type { LabServer } from "../../lab/servers.ts";
import { statePaths } from "../../src/cluster/state-folder.ts";
import { readRemote } from "../../src/store/replica-keys.ts";
import { type Copy, check, differences, type Findings } from "./checker.ts";
import type { Happening, LoadOrder } from "./machines.ts";
import { randomOf, scheduleOf, type Trouble } from "./schedule.ts";
import { undergo } from "./troubles.ts";

const SERVERS = 3;
const HOSTS = 9;
const STRANGERS = 10;
const LEASE_S = 60;
const SETTLED_WITHIN_MS = 10_000;
const AFTERWARDS_MS = 4000;
const MACHINES = join(import.meta.dirname, "machines.ts");
const DAEMON = join(import.meta.dirname, "daemon.ts");
const LAB_HOSTS = Object.fromEntries(
  Array.from({ length: HOSTS }, (_, place) => [
    `vm${place + 1}`,
    { nics: [`52:54:00:99:00:0${place + 1}`], address: `10.77.0.${101 + place}` },
  ]),
);

export interface Trial extends Findings {
  readonly seed: number;
  readonly schedule: readonly Trouble[];
  /** Until all servers were at one again, milliseconds. */
  readonly healedMs: number;
}

/** Three servers that are used for one schedule after the other. */
export async function openServers(): Promise<LabCluster> {
  return LabCluster.open({
    ...{ name: "sb", servers: SERVERS, hosts: LAB_HOSTS, program: DAEMON },
    site: {
      unknown: "discover",
      subnets: [{ cidr: "10.77.0.0/24", router: "10.77.0.254", pool: "10.77.0.150-10.77.0.249", lease: LEASE_S }],
    },
    fill: (folder) => {
      for (const name of ["linux", "initrd.gz"]) writeFileSync(join(folder, name), name);
    },
  });
}

/** Rejects when the servers do not get well within a minute. */
export async function runTrial(lab: LabCluster, seed: number): Promise<Trial> {
  for (const host of Object.keys(LAB_HOSTS)) await lab.permit(host);
  const names = lab.servers.map(({ name }) => name);
  const [first = "", second = "", ...more] = names;
  const schedule = scheduleOf(seed, [first, second, ...more]);
  const load = startLoad(lab, seed);
  await undergo(lab, schedule);
  const healing = performance.now();
  await lab.mend();
  await untilAtOne(lab);
  const healedMs = Math.round(performance.now() - healing);
  // Those that have written come back, and ask servers that are well.
  await delay(AFTERWARDS_MS);
  const happenings = await load.end();
  const copies = await equalCopies(lab);
  return { seed, schedule, healedMs, ...check(happenings, copies, LEASE_S * 1000) };
}

function startLoad(lab: LabCluster, seed: number): { end(): Promise<Happening[]> } {
  const child = lab.net.client.spawn(process.execPath, ["--disable-warning=ExperimentalWarning", MACHINES], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  const happenings: Happening[] = [];
  if (child.stdout)
    createInterface({ input: child.stdout }).on("line", (line) => happenings.push(JSON.parse(line) as Happening));
  child.stdin?.write(`${JSON.stringify(orderOf(lab, seed))}\n`);
  return {
    end: async () => {
      child.stdin?.end();
      await ended;
      return happenings;
    },
  };
}

function orderOf(lab: LabCluster, seed: number): LoadOrder {
  const random = randomOf(`strangers ${seed}`);
  const octet = () =>
    Math.floor(random() * 256)
      .toString(16)
      .padStart(2, "0");
  const addresses = lab.servers.flatMap(({ address, floating }) => [address, floating]);
  return {
    seed,
    hosts: Object.fromEntries(Object.entries(LAB_HOSTS).map(([name, { nics }]) => [name, nics[0] ?? ""])),
    addresses: [addresses[0] ?? "", ...addresses.slice(1)],
    strangers: Array.from({ length: STRANGERS }, () => `02:00:${octet()}:${octet()}:${octet()}:${octet()}`),
  };
}

/** All follow the common state, and nobody has anything left to tell. */
async function untilAtOne(lab: LabCluster): Promise<void> {
  for (const server of lab.servers)
    await lab.until(`${server.name} is at one with the others`, async () => {
      const { state, servers } = await lab.report(server);
      return state.state === "current" && state.outbox === 0 && servers.every(({ alive }) => alive);
    });
}

/**
 * What each server holds when nothing is under way any more. Events of the last moment are still written when the load
 * has ended; copies that differ then for longer differ for good.
 */
async function equalCopies(lab: LabCluster): Promise<Map<string, Copy>> {
  const end = performance.now() + SETTLED_WITHIN_MS;
  for (;;) {
    await untilAtOne(lab);
    const copies = new Map(lab.servers.map((server) => [server.name, copyOf(lab, server)]));
    if (differences(copies).length === 0 || performance.now() > end) return copies;
    await delay(250);
  }
}

/** As its store has it on the disk: the values of the common state, without what is this server's alone. */
function copyOf(lab: LabCluster, server: LabServer): Copy {
  const database = new DatabaseSync(statePaths(lab.state(server)).store, { readOnly: true });
  try {
    const rows = database.prepare("SELECT key, value FROM kv WHERE key LIKE 'd/%' AND value IS NOT NULL").all();
    return new Map(rows.map(({ key, value }) => [String(key).slice(2), readRemote(String(value)).value ?? ""]));
  } finally {
    database.close();
  }
}
