/** Settings of this machine's kernel that are too small for the site, or drop its packets. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { cidrContains } from "../base/address.ts";
import { servedDevices } from "./addresses.ts";
import { type Check, isShared, type ServerScene } from "./check.ts";
import { type Finding, finding } from "./findings.ts";

const ROOT = "/proc/sys/net";

/** What is absent the kernel does not tell. */
export interface KernelFacts {
  /** Hosts on the networks of this machine. */
  readonly hosts: number;
  readonly neighbours?: number;
  /** Bytes. */
  readonly receiveBuffer?: number;
  readonly acceptQueue?: number;
  readonly nonlocalBind?: number;
  /** A daemon runs that listens on floating addresses. */
  readonly listensNonlocal: boolean;
  /** Served interfaces that share their network with others of this machine. */
  readonly shared: readonly SharedInterface[];
}

export interface SharedInterface {
  readonly name: string;
  readonly others: readonly string[];
  /** The stricter of its own setting and that of all (ip-sysctl.rst). */
  readonly rpFilter: number;
}

export const kernelCheck: Check = {
  name: "kernel",
  of: "server",
  look: async (scene) => {
    const { site, interfaces, daemon, server } = scene;
    const near = [...site.hosts.values()].filter(({ address }) =>
      interfaces.some(({ cidr }) => cidrContains(cidr, address)),
    );
    const values = await Promise.all(
      ["ipv4/neigh/default/gc_thresh3", "core/rmem_max", "core/somaxconn", "ipv4/ip_nonlocal_bind"].map(setting),
    );
    const [neighbours, receiveBuffer, acceptQueue, nonlocalBind] = values;
    return judgeKernel({
      hosts: near.length,
      ...(neighbours !== undefined && { neighbours }),
      ...(receiveBuffer !== undefined && { receiveBuffer }),
      ...(acceptQueue !== undefined && { acceptQueue }),
      ...(nonlocalBind !== undefined && { nonlocalBind }),
      listensNonlocal: daemon !== undefined && isShared(site) && server.floating !== undefined,
      shared: await sharedInterfaces(scene),
    });
  },
};

/** Hosts from which on a default that is small matters. */
const MANY_HOSTS = 200;
const RECEIVE_BUFFER = 1 << 20;
/** The backlog that Node asks for. */
const ACCEPT_QUEUE = 511;
/** Neighbours beside the hosts: servers, routers, machines that are no hosts. */
const OTHER_NEIGHBOURS = 100;
const STRICT = 1;

export function judgeKernel(facts: KernelFacts): readonly Finding[] {
  const { hosts: count, neighbours, receiveBuffer, acceptQueue } = facts;
  const findings: Finding[] = [];
  const add = (id: "neighbour-table" | "receive-buffer" | "accept-queue", limit: number, name: string) => {
    const wanted = 2 ** Math.ceil(Math.log2((count + OTHER_NEIGHBOURS) * 2));
    findings.push(finding(id, { count, limit, wanted }, `${name} = ${limit}`));
  };
  if (neighbours !== undefined && neighbours < count + OTHER_NEIGHBOURS)
    add("neighbour-table", neighbours, "net.ipv4.neigh.default.gc_thresh3");
  if (count > MANY_HOSTS && receiveBuffer !== undefined && receiveBuffer < RECEIVE_BUFFER)
    add("receive-buffer", receiveBuffer, "net.core.rmem_max");
  if (count > MANY_HOSTS && acceptQueue !== undefined && acceptQueue < ACCEPT_QUEUE)
    add("accept-queue", acceptQueue, "net.core.somaxconn");
  return [...findings, ...judgeFilters(facts), ...judgeNonlocal(facts)];
}

function judgeFilters({ shared }: KernelFacts): readonly Finding[] {
  return shared.flatMap(({ name, others, rpFilter }) => {
    if (rpFilter !== STRICT) return [];
    const interfaces = [name, ...others].join(", ");
    const evidence = `net.ipv4.conf.${name}.rp_filter = 1, and ${others.join(", ")} is in the same network`;
    return [finding("rp-filter", { interface: name, interfaces }, evidence)];
  });
}

function judgeNonlocal({ nonlocalBind, listensNonlocal }: KernelFacts): readonly Finding[] {
  if (nonlocalBind !== 0 || !listensNonlocal) return [];
  return [finding("nonlocal-bind", {}, "net.ipv4.ip_nonlocal_bind = 0")];
}

async function sharedInterfaces({ site, server, interfaces }: ServerScene): Promise<readonly SharedInterface[]> {
  const shared = servedDevices(site, server, interfaces).map((name) => {
    const cidrs = interfaces.filter((each) => each.name === name).map(({ cidr }) => cidr);
    const near = interfaces.filter(({ address }) => cidrs.some((cidr) => cidrContains(cidr, address)));
    return { name, others: [...new Set(near.map((each) => each.name))].filter((other) => other !== name) };
  });
  const all = (await setting("ipv4/conf/all/rp_filter")) ?? 0;
  return Promise.all(
    shared
      .filter(({ others }) => others.length > 0)
      .map(async (each) => {
        const own = (await setting(`ipv4/conf/${each.name}/rp_filter`)) ?? 0;
        return { ...each, rpFilter: Math.max(all, own) };
      }),
  );
}

/** Undefined where this kernel, or this network namespace, does not have it. */
async function setting(path: string): Promise<number | undefined> {
  const text = await readFile(join(ROOT, path), "utf8").catch(() => "");
  return /^\d+\s*$/.test(text) ? Number(text) : undefined;
}
