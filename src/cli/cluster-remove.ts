/** `everboot cluster remove`: a member less in etcd. */
import { systemClock } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";
import { createMembership, type EtcdMember, untilHealthy } from "../cluster/etcd/membership.ts";
import { type EtcdPlace, etcdPlaces } from "../cluster/etcd/places.ts";
import { removalProblem } from "../cluster/etcd/removal.ts";
import { isAt, surveyEtcd } from "../cluster/etcd/survey.ts";
import { askCluster, type ClusterAction, memberNames, requireName, servedSite } from "./cluster-action.ts";
import type { Io } from "./command.ts";

export const removeMember: ClusterAction = async (args, io) => {
  const site = await servedSite(args, io);
  const name = requireName(args, "remove", memberNames(site));
  if (site.servers.has(name)) await requireOutOfService(name, args.state, io);
  const places = etcdPlaces(site);
  const endpoints = places.map(({ clientUrl }) => clientUrl);
  const { listed, alive } = await surveyEtcd(places, { clock: systemClock });
  if (!listed) throw new EverbootError("etcd-away", { endpoints: endpoints.join(", ") });
  const member = findMember(listed, places, name);
  if (member) {
    const problem = removalProblem(listed, alive, member);
    if (problem) throw new EverbootError("cluster-refused", { ...problem, what: `${name} stays: ${problem.what}` });
    await remove(member, endpoints);
  }
  io.out(member ? `${name} is no member of etcd any more` : `${name} is no member of etcd`);
  const where = site.servers.has(name) ? "`servers` and `state`" : "`state`";
  io.out(`next: take it out of ${where} in the site file, and run everboot apply`);
  return 0;
};

/** One that serves has installs and addresses: those go first. */
async function requireOutOfService(name: string, state: string | undefined, io: Io): Promise<void> {
  const { servers } = await askCluster(io, state);
  const server = servers.find((each) => each.name === name);
  if (!server?.alive || server.draining) return;
  throw new EverbootError("cluster-refused", {
    what: `${name} is alive and in service`,
    todo: `run \`everboot cluster drain ${name}\` first`,
  });
}

function findMember(listed: readonly EtcdMember[], places: readonly EtcdPlace[], name: string): EtcdMember | undefined {
  const place = places.find((each) => each.name === name);
  return listed.find((member) => (place ? isAt(member, place) : member.name === name));
}

async function remove({ id }: EtcdMember, endpoints: readonly string[]): Promise<void> {
  const membership = createMembership({ endpoints, clock: systemClock });
  try {
    await untilHealthy(() => membership.remove(id), systemClock);
  } finally {
    membership.close();
  }
}
