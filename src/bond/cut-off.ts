/** What would cut the operator off, or lose a part of the machine's network, if these NICs became a bond now. */
import { cidrContains, parseIpv4 } from "../base/address.ts";
import type { Finding } from "./health.ts";
import { holderOf, type MachineAddress, type MachineLink, type MachineNetwork, portNames } from "./machine-network.ts";
import type { NetworkPlan } from "./model.ts";
import { networkOf } from "./switch-over.ts";

/** Addresses of both ends of the operator's session. */
export interface Session {
  readonly client: string;
  readonly server: string;
}

/** `SSH_CONNECTION` of ssh(1): addresses and ports of both ends. */
export function sessionOf(text: string | undefined): Session | undefined {
  const [client, , server] = text?.split(" ") ?? [];
  return client === undefined || server === undefined ? undefined : { client, server };
}

/** Empty = go ahead. */
export function cutOffs(plan: NetworkPlan, machine: MachineNetwork, session: Session | undefined): readonly Finding[] {
  const members = machine.links.filter(({ name }) => plan.nics.some((nic) => nic.name === name));
  return [
    ...nameFindings(plan, machine),
    ...members.flatMap((member) => memberFindings(member, machine)),
    ...addressFindings(plan, machine, members),
    ...routeFindings(plan, machine, members),
    ...(session ? sessionFindings(session, plan, machine, members) : []),
  ];
}

function nameFindings({ devices }: NetworkPlan, { links }: MachineNetwork): Finding[] {
  const taken = links.find(({ name }) => devices.some((device) => device.name === name));
  if (!taken) return [];
  return [{ what: `there is a ${taken.name} already`, todo: "choose another name, or take it away first" }];
}

function memberFindings({ name, master, kind, mac }: MachineLink, machine: MachineNetwork): Finding[] {
  const upper = machine.links.find(({ parent }) => parent === name);
  const findings: Finding[] = [];
  const add = (what: string, todo: string) => findings.push({ what, todo });
  if (master !== undefined) add(`${name} belongs to ${master}`, `take it out first (\`ip link set ${name} nomaster\`)`);
  if (upper) add(`${upper.name} lies on ${name} and would stop`, `take ${upper.name} away first, and use --vlan`);
  if (!mac || kind === "bridge" || kind === "vlan" || kind === "bond") {
    add(`${name} is no port of Ethernet`, `name some of ${portNames(machine).join(", ")}`);
  }
  return findings;
}

/** The plan has one address of IPv4; IPv6 comes back by itself when it came from a router. */
function addressFindings(plan: NetworkPlan, machine: MachineNetwork, members: readonly MachineLink[]): Finding[] {
  const planned = plannedAddress(plan);
  const holder = planned === undefined ? undefined : holderOf(machine, planned);
  const elsewhere =
    holder && !members.includes(holder)
      ? [{ what: `${planned} is on ${holder.name}, which is no member`, todo: `name ${holder.name} in --members` }]
      : [];
  const lost = members.flatMap(({ name, addresses }) =>
    addresses.filter((own) => !isKept(own, plan)).map((own) => ({ name, text: `${own.address}/${own.prefix}` })),
  );
  return [
    ...elsewhere,
    ...lost.map(({ name, text }) => ({
      what: `${name} would lose ${text}, as a bond gets one address here`,
      todo: `take it away first (\`ip address del ${text} dev ${name}\`), or write the files yourself with \`everboot bond render\``,
    })),
  ];
}

function isKept({ version, address, dynamic }: MachineAddress, plan: NetworkPlan): boolean {
  if (version === 6) return dynamic;
  return plannedAddress(plan) === undefined ? dynamic : address === plannedAddress(plan);
}

/** Undefined with DHCP, where the lease goes along. */
function plannedAddress({ devices }: NetworkPlan): string | undefined {
  const own = devices.find(({ addressing }) => addressing.kind === "static")?.addressing;
  return own?.kind === "static" ? own.address : undefined;
}

function routeFindings(plan: NetworkPlan, machine: MachineNetwork, members: readonly MachineLink[]): Finding[] {
  const outside = machine.routes.filter(({ device }) => !members.some(({ name }) => name === device));
  const gateway = outside.find(({ to }) => to === "default");
  const isRouted = plan.devices.some(({ addressing }) => addressing.kind === "static" && addressing.router);
  if (!gateway || !isRouted) return [];
  const what = `the default route is by ${gateway.device}, which is no member`;
  return [{ what, todo: `leave --router out, or name ${gateway.device} in --members` }];
}

/** The session's own address must stay, and the way back to its client too. */
function sessionFindings(
  { client, server }: Session,
  plan: NetworkPlan,
  machine: MachineNetwork,
  members: readonly MachineLink[],
): Finding[] {
  const holder = holderOf(machine, server);
  const own = holder?.addresses.find(({ address }) => address === server);
  if (!holder || !own || !members.includes(holder)) return [];
  const todo = "come in by another address or by the console, or keep this one";
  if (!isKept(own, plan)) return [{ what: `your SSH session uses ${server}, which would go`, todo }];
  const isTagged = plan.devices.some(({ vlan }) => vlan) && own.version === 4;
  if (isTagged) {
    const what = `your SSH session uses ${server}, which would move to a tagged network`;
    return [{ what, todo: "come in by another interface or by the console" }];
  }
  if (isReachable(client, plan)) return [];
  const what = `your SSH session comes from ${client}, and the bond would have no router to answer by`;
  return [{ what, todo: "name the router with --router" }];
}

function isReachable(client: string, plan: NetworkPlan): boolean {
  const address = parseIpv4(client);
  return plan.devices.some(({ addressing }) => {
    if (addressing.kind !== "static" || !address) return addressing.kind === "dhcp" || !address;
    return addressing.router !== undefined || cidrContains(networkOf(addressing), address);
  });
}
