import { EverbootError } from "../base/errors.ts";
import type { JournalEvent, Stage } from "../cluster/events.ts";
import type { FleetStatus, HostStatus } from "../cluster/status.ts";
import type { TreesAnswer } from "../server/api/operations.ts";
import type { Command, Io } from "./command.ts";
import { doorOf, type Get, getFrom } from "./daemon-door.ts";
import { eventsSince } from "./events-pages.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { hostPath, STATE_OPTION, STATE_USAGE } from "./state-option.ts";
import { isTroubled, wantsColor } from "./status-color.ts";
import { type ServedBy, serversOfStages } from "./status-servers.ts";
import { fleetText, hostText } from "./status-text.ts";
import { treesText } from "./status-trees.ts";

const USAGE = `everboot status [HOST] [--state DIR] [--json]
  The fleet, and what servers lack of the trees; or one host's boot trace: each stage with time, bytes and who sent them,
  what is awaited until when, and what is wrong, why, and what to do. Exit code 1 when a host is stalled, failed, differs or has an expired permit.
${STATE_USAGE}`;

export const statusCommand: Command = {
  name: "status",
  summary: "the fleet, or one host's boot trace",
  usage: USAGE,
  run: async (args, io) => {
    const { values, positionals } = parseOptions(args, STATE_OPTION);
    const [host] = wantPositionals(positionals, 0, 1, USAGE);
    const get = getFrom(doorOf(io, values.state));
    return host === undefined ? showFleet(get, io, values.json) : showHost(get, host, io, values.json);
  },
};

/** The daemon's clock. */
interface Timed {
  readonly now: number;
}

async function showFleet(get: Get, io: Io, isJson = false): Promise<number> {
  const fleet = (await get("/api/v1/status")) as FleetStatus & Timed;
  const options = { now: fleet.now, color: wantsColor(io) };
  const trees = await askTrees(get);
  const lines = isJson ? [JSON.stringify({ ...fleet, trees })] : [...fleetText(fleet, options), ...treesText(trees)];
  for (const line of lines) io.out(line);
  return fleet.hosts.some(({ state }) => isTroubled(state)) ? 1 : 0;
}

/** A daemon of an older version does not tell of them. */
async function askTrees(get: Get): Promise<TreesAnswer | undefined> {
  try {
    return (await get("/api/v1/trees")) as TreesAnswer;
  } catch (error) {
    if (error instanceof EverbootError) return undefined;
    throw error;
  }
}

async function showHost(get: Get, host: string, io: Io, isJson = false): Promise<number> {
  const status = (await get(hostPath(host))) as HostStatus & Timed;
  const options = { now: status.now, color: wantsColor(io) };
  const lines = isJson
    ? [JSON.stringify(status)]
    : hostText(status, { ...options, servedBy: await askServers(get, status) });
  for (const line of lines) io.out(line);
  return isTroubled(status.state) ? 1 : 0;
}

async function askServers(get: Get, { host, boot }: HostStatus): Promise<Map<Stage, readonly ServedBy[]>> {
  if (!boot) return new Map();
  const events: JournalEvent[] = [];
  for await (const event of eventsSince(get, host, boot.started)) events.push(event);
  return serversOfStages(boot, events);
}
