/** `everboot cluster drain`: a server out of service without breaking an install, and back into it. */
import { setTimeout } from "node:timers/promises";
import { EverbootError } from "../base/errors.ts";
import { askCluster, type ClusterAction, type ClusterAnswer, requireName } from "./cluster-action.ts";
import { installsText } from "./cluster-status.ts";
import type { Io } from "./command.ts";
import { ask } from "./state-option.ts";

const TIMEOUT_S = 1800;
const LOOK_MS = 500;

export const drainServer: ClusterAction = async (args, io) => {
  const report = await askCluster(io, args.state);
  const names = report.servers.map(({ name }) => name);
  const server = requireName(args, "drain", names);
  const draining = args.back !== true;
  const timeoutMs = secondsOf(args.timeout) * 1000;
  if (draining) requireOthers(report, server);
  await ask(io, args.state, "POST", "/api/v1/cluster/drain", { server, draining });
  if (!draining) {
    io.out(`${server} is in service: it takes its address home once it is well for a while`);
    return 0;
  }
  return waitUntilEmpty(server, args.state, performance.now() + timeoutMs, io);
};

/** Somebody has to serve meanwhile. */
function requireOthers({ servers }: ClusterAnswer, drained: string): void {
  if (servers.some(({ name, alive, draining = false }) => name !== drained && alive && !draining)) return;
  throw new EverbootError("cluster-refused", {
    what: `no other server than ${drained} is alive and in service`,
    todo: "repair one, or put one back into service with --back",
  });
}

/** Tells each change. */
async function waitUntilEmpty(server: string, state: string | undefined, end: number, io: Io): Promise<number> {
  let told = "";
  for (;;) {
    const left = whatIsLeft(await askCluster(io, state), server);
    if (left === undefined) break;
    if (left !== told) io.out(`${server}: ${left}`);
    told = left;
    if (io.signal.aborted || performance.now() > end) {
      io.err(`${server} is not empty yet, and goes on draining: see everboot cluster status`);
      return 1;
    }
    await setTimeout(LOOK_MS, undefined, { signal: io.signal }).catch(() => undefined);
  }
  io.out(`${server} is drained: it holds no address, and no install is left there`);
  return 0;
}

/** In words; undefined = nothing. */
export function whatIsLeft({ servers }: ClusterAnswer, server: string): string | undefined {
  const held = servers.flatMap(({ floating, heldBy }) => (floating !== undefined && heldBy === server ? floating : []));
  const { installs = 0 } = servers.find(({ name }) => name === server) ?? {};
  const left = [
    ...(held.length > 0 ? [`holds ${held.join(", ")}`] : []),
    ...(installs > 0 ? [installsText(installs)] : []),
  ];
  return left.length > 0 ? left.join("; ") : undefined;
}

function secondsOf(text = String(TIMEOUT_S)): number {
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds > 0) return seconds;
  throw new EverbootError("usage", { what: `--timeout ${text}: not a number of seconds` });
}
