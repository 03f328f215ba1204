/** Do packets as long as this machine sends them reach the other servers? */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { cidrContains, type Ipv4 } from "../base/address.ts";
import { findProgram } from "../net/programs.ts";
import { type Check, peersOf, type ServerScene } from "./check.ts";
import { type Finding, finding } from "./findings.ts";

const run = promisify(execFile);

/** Headers of IPv4 (RFC 791) and of an ICMP echo (RFC 792), without options. */
const HEADERS = 28;
const SMALL_BYTES = 84;

/** An address of another server, in a network of this one. */
interface Path {
  readonly server: string;
  readonly address: Ipv4;
  readonly interface: string;
  /** Bytes. */
  readonly mtu: number;
}

export interface PingedPath extends Path {
  /** Does a packet come back that is as short as any, and one as long as the MTU, in one piece? */
  readonly small: boolean;
  readonly full: boolean;
}

export const mtuCheck: Check = {
  name: "mtu",
  of: "server",
  look: async (scene, signal) => {
    const paths = pathsOf(scene);
    if (paths.length === 0) return [];
    const ping = findProgram("ping", scene.searchPath, { purpose: "the MTU", package: "iputils-ping" });
    const ask = async (path: Path) => {
      const [small, full] = await Promise.all(
        [SMALL_BYTES, path.mtu].map((bytes) => answers(ping, path.address, bytes, signal)),
      );
      return { ...path, small: small ?? false, full: full ?? false };
    };
    return judgePaths(await Promise.all(paths.map(ask)));
  },
};

function pathsOf(scene: ServerScene): readonly Path[] {
  const { interfaces, links } = scene;
  return peersOf(scene).flatMap(({ name: server, address: own, links: heartbeats }) =>
    [own, ...heartbeats].flatMap((address) => {
      const device = interfaces.find(({ cidr }) => cidrContains(cidr, address))?.name;
      const mtu = links.find(({ name }) => name === device)?.mtu;
      return device === undefined || mtu === undefined ? [] : [{ server, address, interface: device, mtu }];
    }),
  );
}

/** Two tries, as a packet may be lost; "do not fragment" is set. */
async function answers(ping: string, address: Ipv4, bytes: number, signal: AbortSignal): Promise<boolean> {
  const options = ["-n", "-q", "-M", "do", "-c", "2", "-i", "0.2", "-W", "1", "-s", String(bytes - HEADERS)];
  return run(ping, [...options, address], { signal }).then(
    () => true,
    () => false,
  );
}

/** Who answers no ping at all may be off, or not like pings: others see to that. */
export function judgePaths(paths: readonly PingedPath[]): readonly Finding[] {
  return paths.flatMap(({ small, full, mtu, server, address, interface: device }) => {
    if (!small || full) return [];
    const evidence = `ping -M do: ${SMALL_BYTES} bytes come back, ${mtu} do not`;
    return [finding("mtu-path", { bytes: mtu, interface: device, server, address }, evidence)];
  });
}
