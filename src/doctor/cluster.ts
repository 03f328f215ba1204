/** What the running daemon knows of the other servers, the floating addresses and the common state. */
import type { ClusterReport, ClusterServer } from "../server/boot/operations.ts";
import type { Site } from "../site/model.ts";
import type { Check, DaemonView } from "./check.ts";
import { type Finding, finding } from "./findings.ts";

export const clusterCheck: Check = {
  name: "cluster",
  of: "server",
  look: async ({ daemon, site, server }) => (daemon ? judgeDaemon(daemon, site, server.name) : []),
};

/** `self`: name of this server. */
export function judgeDaemon({ site: served, cluster }: DaemonView, site: Site, self: string): readonly Finding[] {
  const own = served.servers.find(({ name }) => name === self)?.serves?.revision ?? served.revision;
  const evidence = `${own.slice(0, 8)} is served, ${site.revision.slice(0, 8)} is the file`;
  return [
    ...(own === site.revision ? [] : [finding("site-file-differs", {}, evidence)]),
    ...(cluster ? judgeCluster(cluster, self, own) : []),
  ];
}

function judgeCluster({ servers, troubles, state }: ClusterReport, self: string, own: string): readonly Finding[] {
  const isCurrent = state.state === "current" && state.outbox === 0;
  const behind = `${state.state}, ${state.outbox} facts wait`;
  return [
    ...troubles.map((trouble) => finding("daemon-unwell", { trouble }, "as it sees itself")),
    ...(isCurrent ? [] : [finding("state-behind", { state: behind }, state.trouble ?? `revision ${state.position}`)]),
    ...servers.filter(({ name }) => name !== self).flatMap((server) => judgeServer(server, own)),
    ...servers.flatMap((server) => judgeFloating(server)),
  ];
}

function judgeServer({ name: server, alive, serves }: ClusterServer, own: string): readonly Finding[] {
  if (!alive) return [finding("server-unheard", { server }, "no signed heartbeat on any link in the last 180 ms")];
  if (serves === undefined || serves.revision === own) return [];
  return [finding("site-differs", { server }, `${serves.revision.slice(0, 8)} there, ${own.slice(0, 8)} here`)];
}

/** A server that is drained has given its address away on purpose. */
function judgeFloating({ name: server, floating, heldBy, draining = false }: ClusterServer): readonly Finding[] {
  if (floating === undefined || heldBy === server || draining) return [];
  if (heldBy === undefined) return [finding("floating-unheld", { server, address: floating }, "no server says so")];
  return [finding("floating-away", { server, address: floating, holder: heldBy }, `${heldBy} says so`)];
}
