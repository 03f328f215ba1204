/** The ports that this machine serves, as the site file has it. */
import { etcdPlaces } from "../cluster/etcd/places.ts";
import { HEARTBEAT_PORT } from "../cluster/floating/heartbeats.ts";
import { FTP_PORT } from "../server/ftp/server.ts";
import { MOUNT_PORT, NFS_PORT } from "../server/nfs/ganesha-config.ts";
import { PORT_MAPPER } from "../server/nfs/service.ts";
import { installsBy } from "../site/installs-by.ts";
import type { Server, Site } from "../site/model.ts";
import { DHCP_PORTS } from "../wire/dhcp-packet.ts";
import { PEER_PORT } from "../wire/peer-message.ts";
import { isShared } from "./check.ts";

export interface Service {
  readonly name: string;
  readonly protocol: "udp" | "tcp" | "vrrp";
  /** 0 = the protocol has none. */
  readonly port: number;
  /**
   * What the daemon binds: each device that it serves, each of its addresses there, the server's own address, all addresses;
   * `none`: another program does, or nobody.
   */
  readonly binds: "device" | "address" | "own" | "any" | "none";
  /** Who must reach it: machines that boot, or the other servers alone. */
  readonly from: "clients" | "servers";
}

export const TFTP_PORT = 69;
export const SYSLOG_PORT = 514;
export const DNS_PORT = 53;

export function servicesOf(site: Site, server: Server): readonly Service[] {
  const hasDhcp = site.subnets.some(({ dhcp }) => dhcp !== "off");
  const clients = { binds: "address", from: "clients" } as const;
  return [
    ...(hasDhcp ? dhcpServices() : []),
    { name: "TFTP", protocol: "udp", port: TFTP_PORT, ...clients },
    { name: "HTTP", protocol: "tcp", port: server.httpPort, ...clients },
    ...(server.ftp ? [{ name: "FTP", protocol: "tcp", port: FTP_PORT, ...clients } as const] : []),
    ...(installsBy(site, "nfs") ? nfsServices() : []),
    { name: "syslog", protocol: "udp", port: SYSLOG_PORT, ...clients },
    { name: "syslog", protocol: "tcp", port: SYSLOG_PORT, ...clients },
    ...(site.dns ? (["udp", "tcp"] as const) : []).map(
      (protocol) => ({ name: "DNS", protocol, port: DNS_PORT, ...clients }) as const,
    ),
    ...apiServices(site, server),
    ...(isShared(site) ? sharedServices(site, server) : []),
  ];
}

/** Where it is not kept to other addresses. */
function apiServices({ api }: Site, { address }: Server): readonly Service[] {
  if (!api || api.listen?.includes(address) === false) return [];
  return [{ name: "API", protocol: "tcp", port: api.port, binds: "own", from: "clients" }];
}

/** The port mapper may be the machine's own: it may have its port already. */
function nfsServices(): readonly Service[] {
  const any = { binds: "any", from: "clients" } as const;
  return [
    { name: "NFS", protocol: "tcp", port: NFS_PORT, ...any },
    ...(["tcp", "udp"] as const).flatMap((protocol) => [
      { name: "NFS mounts", protocol, port: MOUNT_PORT, ...any } as const,
      { name: "port mapper", protocol, port: PORT_MAPPER, ...any, binds: "none" } as const,
    ]),
  ];
}

function dhcpServices(): readonly Service[] {
  const about = { protocol: "udp", binds: "device", from: "clients" } as const;
  return [
    { name: "DHCP", port: DHCP_PORTS.server, ...about },
    { name: "PXE boot server", port: DHCP_PORTS.pxe, ...about },
  ];
}

function sharedServices(site: Site, server: Server): readonly Service[] {
  const udp = { protocol: "udp", binds: "any", from: "servers" } as const;
  const vrrp = { name: "VRRP", protocol: "vrrp", port: 0, binds: "none", from: "servers" } as const;
  return [
    { name: "heartbeats", port: HEARTBEAT_PORT, ...udp },
    { name: "hand-over of transfers", port: PEER_PORT, ...udp },
    ...(server.floating === undefined ? [] : [vrrp]),
    ...etcdPorts(site, server),
  ];
}

/** The member on this server: for clients, and the next port for the other members. */
function etcdPorts(site: Site, server: Server): readonly Service[] {
  const place = etcdPlaces(site).find(({ name, isServer }) => isServer && name === server.name);
  const about = { name: "etcd", protocol: "tcp", binds: "none", from: "servers" } as const;
  return place ? [place.clientUrl, place.peerUrl].map((url) => ({ ...about, port: Number(new URL(url).port) })) : [];
}
