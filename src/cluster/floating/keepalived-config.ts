/**
 * The configuration of keepalived (2.2.7) on one server: VRRPv3 (RFC 5798) by unicast, an instance for each floating
 * address of the site. Every server can hold every address of its subnet; each address has its own order of heirs, so
 * that what a dead server held spreads over the living ones.
 */
import { cidrContains, type Ipv4, ipv4ToNumber } from "../../base/address.ts";
import type { Server, Site } from "../../site/model.ts";

/** The servers that take over from `owner`, first to last. `others` are in the order of their names. */
export type HeirOrder = (owner: Server, others: readonly Server[]) => readonly Server[];

/** Where this server puts a floating address. */
export interface Place {
  readonly device: string;
  /** Bits of the network. */
  readonly prefix: number;
}

/** Absolute paths of the files by which a daemon and its keepalived speak with each other. */
export interface SteeringFiles {
  /** Holds `0` while this server may hold addresses, `1` while it may hold none. */
  readonly health: string;
  /** The same for one address. */
  hold(address: Ipv4): string;
  /** Holds what is added to this server's priority for one address: see `claimOf`. */
  claim(address: Ipv4): string;
  /** keepalived writes `INSTANCE "<address>" <STATE> <priority>` into this FIFO. */
  readonly notify: string;
}

export interface KeepalivedOptions {
  readonly site: Site;
  readonly server: Server;
  /** Undefined = this server cannot hold the address. */
  readonly place: (address: Ipv4) => Place | undefined;
  /**
   * With it an address stays with its heir until the heir's daemon lets it go; without it the owner takes it back by
   * itself, some time after its return.
   */
  readonly steering?: SteeringFiles;
  /** Milliseconds between advertisements, in steps of 10. A dead holder is replaced after some three of them. */
  readonly advertMs?: number;
  readonly heirs?: HeirOrder;
}

/** A floating address with all servers that may hold it, its owner first. */
export interface FloatingAddress {
  readonly address: Ipv4;
  readonly routerId: number;
  readonly holders: readonly [Server, ...Server[]];
}

/**
 * An address is back some 3.3 adverts after the last one: 0.2 s. Not shorter: what the links tell (heartbeats.ts) must
 * come before VRRP decides.
 */
const ADVERT_MS = 70;
/** Where some server has nothing but a serial line beside the LAN, which tells a moment later. */
const SLOW_ADVERT_MS = 80;
/**
 * Priorities fall from the owner's along the order of heirs; 255 is kept for a router that owns the address for good
 * (RFC 5798, section 5.2.4). A holder waits (256 - priority) / 256 of an advert longer before it takes an address, so a
 * full step gives the one before 16 ms for being heard first, on a busy machine too.
 */
const OWNER_PRIORITY = 240;
const HIGHEST_PRIORITY = 254;
const LOWEST_PRIORITY = 20;
const LONGEST_STEP = 60;
/** Seconds that a server without a daemon to steer it has for warming up after a start. */
const RETURN_DELAY = 30;

/** From the owner's place in the order of names on: with N servers each address has another first heir. */
export const nextByName: HeirOrder = (owner, others) => [
  ...others.filter(({ name }) => name > owner.name),
  ...others.filter(({ name }) => name < owner.name),
];

/**
 * What an heir that holds an address adds to its priority, so that an owner that was frozen, goes on and still believes
 * that it holds it gives way at the first advert that it hears. The nearer to the owner, the higher, as ever.
 * `rank`: the heir's place among the `holders`, from 1 on.
 */
export function claimOf(rank: number, holders: number): number {
  return HIGHEST_PRIORITY - rank - priorityOf(rank, holders);
}

/** In the order of the addresses. Equal on all servers of the same site, as VRRP's router ids must be. */
export function floatingAddresses(site: Site, heirs: HeirOrder = nextByName): readonly FloatingAddress[] {
  const servers = [...site.servers.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const owned = servers.flatMap((owner) => (owner.floating ? [{ owner, address: owner.floating }] : []));
  owned.sort((a, b) => ipv4ToNumber(a.address) - ipv4ToNumber(b.address));
  const taken = new Set<number>();
  return owned.map(({ owner, address }) => {
    const others = servers.filter((server) => server !== owner && shareSubnet(site, address, server));
    return { address, routerId: takeRouterId(address, taken), holders: [owner, ...heirs(owner, others)] };
  });
}

export function keepalivedConfig(options: KeepalivedOptions): string {
  const { site, server, steering, heirs } = options;
  const own = floatingAddresses(site, heirs).filter(({ holders }) => holders.includes(server));
  const instances = own.flatMap((floating) => {
    const place = options.place(floating.address);
    return place ? [{ ...floating, place }] : [];
  });
  const tracked = steering ? instances.flatMap(({ address }) => steeringFiles(address, steering)) : [];
  const blocks = [
    block("global_defs", globalLines(server, steering)),
    ...(steering ? [trackFile("health", steering.health)] : []),
    ...tracked,
    ...instances.map((instance) => block(`vrrp_instance ${instance.address}`, instanceLines(instance, options))),
  ];
  return blocks.map((lines) => `${lines.join("\n")}\n`).join("\n");
}

function globalLines({ name }: Server, steering: SteeringFiles | undefined): string[] {
  return [
    `router_id ${name}`,
    "vrrp_version 3",
    "script_user root",
    "enable_script_security",
    // Without the limit beside it the kernel kills keepalived after 10 ms at this priority.
    "vrrp_rt_priority 50",
    "vrrp_rlimit_rttime 2000000",
    // After a cut the holder that was hidden must speak up, or clients go on asking the one that gave way.
    "vrrp_higher_prio_send_advert true",
    "vrrp_garp_lower_prio_repeat 3",
    "vrrp_garp_lower_prio_delay 1",
    "vrrp_garp_master_refresh 1",
    ...(steering ? [`vrrp_notify_fifo "${steering.notify}"`] : []),
  ];
}

/**
 * Weight 0: a value other than 0 is a fault, and the address is given up at once with an advert of priority 0.
 * Weight 1: the value is added to the priority.
 */
function trackFile(name: string, path: string, weight: 0 | 1 = 0): string[] {
  return block(`track_file ${name}`, [`file "${path}"`, `weight ${weight}`]);
}

function steeringFiles(address: Ipv4, { hold, claim }: SteeringFiles): string[][] {
  return [trackFile(address, hold(address)), trackFile(claimName(address), claim(address), 1)];
}

function claimName(address: Ipv4): string {
  return `claim-${address}`;
}

function instanceLines(instance: FloatingAddress & { readonly place: Place }, options: KeepalivedOptions): string[] {
  const { address, holders, place, routerId } = instance;
  const { site, server, steering, advertMs = advertFor(site) } = options;
  const peers = holders.filter((holder) => holder !== server).map((peer) => peer.address);
  const tracked = ["health weight 0", `${address} weight 0`, `${claimName(address)} weight 1`];
  return [
    "state BACKUP",
    steering ? "nopreempt" : `preempt_delay ${RETURN_DELAY}`,
    `interface ${place.device}`,
    `virtual_router_id ${routerId}`,
    `priority ${priorityOf(holders.indexOf(server), holders.length)}`,
    `advert_int ${advertMs / 1000}`,
    "garp_master_delay 1",
    "garp_master_repeat 3",
    `unicast_src_ip ${server.address}`,
    ...block("unicast_peer", peers),
    ...block("virtual_ipaddress", [`${address}/${place.prefix} dev ${place.device}`]),
    ...(steering ? block("track_file", tracked) : []),
  ];
}

/** The same on all servers: a backup counts in its own adverts until it has heard one of the holder's. */
function advertFor({ servers }: Site): number {
  const isSlow = [...servers.values()].some(({ serial, links }) => serial !== undefined && links.length === 0);
  return isSlow ? SLOW_ADVERT_MS : ADVERT_MS;
}

function priorityOf(rank: number, holders: number): number {
  const step = Math.min(LONGEST_STEP, Math.floor((OWNER_PRIORITY - LOWEST_PRIORITY) / Math.max(1, holders - 1)));
  return OWNER_PRIORITY - step * rank;
}

/** A server without a NIC in the subnet of an address cannot hold it; of a subnet not in the site nothing is known. */
function shareSubnet({ subnets }: Site, address: Ipv4, server: Server): boolean {
  const subnet = subnets.find(({ cidr }) => cidrContains(cidr, address));
  return subnet === undefined || cidrContains(subnet.cidr, server.address);
}

/** 1 to 255: the last octet, as people expect and as it stays when servers come and go; else the next free one. */
function takeRouterId(address: Ipv4, taken: Set<number>): number {
  let id = ipv4ToNumber(address) % 256 || 1;
  while (taken.has(id)) id = (id % 255) + 1;
  taken.add(id);
  return id;
}

function block(head: string, lines: readonly string[]): string[] {
  return [`${head} {`, ...lines.map((line) => `  ${line}`), "}"];
}
