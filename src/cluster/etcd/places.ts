/** Where the members of a site's etcd run, from the site file. Pure. */
import { parseIpv4 } from "../../base/address.ts";
import type { Site } from "../../site/model.ts";

export interface EtcdPlace {
  /** The server's, else `witness-` and the address. */
  readonly name: string;
  /** `http://192.168.0.11:2379`: where it answers clients. */
  readonly clientUrl: string;
  /** Where it answers other members: the next port. */
  readonly peerUrl: string;
  /** On a server of the site; the others are witnesses. */
  readonly isServer: boolean;
  /**
   * Everboot can run it: etcd listens on addresses alone, and the site file names no certificates. Others are somebody
   * else's to run.
   */
  readonly canRun: boolean;
}

/** Of a URL that names none: what asks this member goes there too. */
const PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };

/** In the order of the site file. */
export function etcdPlaces(site: Pick<Site, "etcd" | "servers">): readonly EtcdPlace[] {
  const servers = new Map<string, string>([...site.servers.values()].map(({ name, address }) => [address, name]));
  return (site.etcd ?? []).map((text) => {
    const { protocol, hostname, port } = new URL(text);
    const server = servers.get(hostname);
    const clientPort = port === "" ? (PORTS[protocol] ?? 0) : Number(port);
    return {
      name: server ?? `witness-${hostname}`,
      clientUrl: `${protocol}//${hostname}:${clientPort}`,
      peerUrl: `${protocol}//${hostname}:${clientPort + 1}`,
      isServer: server !== undefined,
      canRun: protocol === "http:" && parseIpv4(hostname) !== undefined,
    };
  });
}
