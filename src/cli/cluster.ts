/** `everboot cluster`: what makes servers of several machines one site, and how they are. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { EverbootError } from "../base/errors.ts";
import type { ClusterReport, ClusterServer } from "../server/boot/operations.ts";
import { createSiteKey } from "../server/peers/site-key.ts";
import { type Alignment, alignColumns } from "./columns.ts";
import type { Command, Io } from "./command.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { ask, STATE_OPTION, STATE_USAGE, stateFolder } from "./state-option.ts";

const USAGE = `everboot cluster init|status [--state DIR] [--json]
  init     makes the secret that the servers of a site share: cluster.key in the state folder. Copy it to the state folder of
           every other server, readable by root alone.
  status   the servers as this one sees them, who holds which floating address, and its copy of the common state;
           exit code 1 when a server is away or the copy is behind
${STATE_USAGE}`;

type Action = (state: string | undefined, io: Io, json: boolean) => Promise<number>;

const ACTIONS: ReadonlyMap<string, Action> = new Map([
  ["init", init],
  ["status", status],
]);

export const clusterCommand: Command = {
  name: "cluster",
  summary: "several servers of one site: their secret, how they are",
  usage: USAGE,
  run: async (args, io) => {
    const { values, positionals } = parseOptions(args, STATE_OPTION);
    const [name = ""] = wantPositionals(positionals, 1, 1, USAGE);
    const action = ACTIONS.get(name);
    if (!action) throw new EverbootError("usage", { what: `everboot cluster knows init and status, not ${name}` });
    return action(values.state, io, values.json ?? false);
  },
};

async function init(state: string | undefined, io: Io): Promise<number> {
  const folder = stateFolder(state, io);
  mkdirSync(folder, { recursive: true });
  await createSiteKey(folder);
  io.out(`made ${join(folder, "cluster.key")}: copy it to the state folder of every other server of the site`);
  return 0;
}

async function status(state: string | undefined, io: Io, json: boolean): Promise<number> {
  const report = (await ask(io, state, "GET", "/api/v1/cluster")) as ClusterReport & { readonly server: string };
  for (const line of json ? [JSON.stringify(report)] : clusterText(report)) io.out(line);
  return isWell(report) ? 0 : 1;
}

/** All live, each with its own address, and nothing waits. */
export function isWell({ servers, state }: ClusterReport): boolean {
  const atHome = ({ name, floating, heldBy }: ClusterServer) => floating === undefined || heldBy === name;
  return servers.every((server) => server.alive && atHome(server)) && state.state === "current" && state.outbox === 0;
}

const HEADER = ["SERVER", "", "FLOATING", "HELD BY"];
const ALL_LEFT: Alignment = HEADER.map(() => "left");

export function clusterText({ server, servers, state }: ClusterReport & { readonly server: string }): string[] {
  const rows = servers.map(({ name, alive, floating, heldBy }) => [
    name,
    name === server ? "this one" : lifeText(alive),
    floating ?? "-",
    floating === undefined ? "-" : (heldBy ?? "nobody"),
  ]);
  const facts = state.outbox === 1 ? "1 fact waits" : `${state.outbox} facts wait`;
  const trouble = state.trouble === undefined || state.state === "current" ? "" : ` (${state.trouble})`;
  return [
    ...alignColumns([HEADER, ...rows], ALL_LEFT, ""),
    `common state: ${state.state}${trouble}, revision ${state.position}, ${facts} to be told to the cluster`,
  ];
}

function lifeText(alive: boolean): string {
  return alive ? "alive" : "not heard";
}
