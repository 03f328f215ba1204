/** The site file of a rack: one subnet, small Debian systems that install quickly. Pure. */
import { stringify } from "yaml";
import type { LoaderChoice } from "../src/site/model.ts";

/** Where the rack's server listens: the bridge of its namespace. */
export const RACK_BRIDGE = "br0";
export const RACK_SERVER = "192.168.77.1";
export const RACK_TREE = "debian";
/** Root's password on the machines is `everboot`. */
const PASSWORD_HASH =
  "$6$everbootlab$n91K0dpjZVux3PwIAVDfunXUZII74qxwwBY4rfIw3cs0IuDLtKLOlAOKG/QrSTJO.I6IfvpxRyt5QZuC.kcCP.";

export interface RackHost {
  readonly name: string;
  readonly nics: readonly [string, ...string[]];
  /** In the rack's subnet: 192.168.77.0/24, outside the pool (.200 to .250); with several servers 10.77.0.0/24. */
  readonly address: string;
  /** Its NICs become an active-backup bond. */
  readonly bond?: boolean;
  readonly loader?: LoaderChoice;
}

/** Those of the smallest example: one host with two bonded NICs, one with a single NIC. */
export const RACK_HOSTS: readonly [RackHost, ...RackHost[]] = [
  { name: "vm1", nics: ["52:54:00:00:00:01", "52:54:00:00:00:02"], address: "192.168.77.101", bond: true },
  { name: "vm2", nics: ["52:54:00:00:00:03"], address: "192.168.77.102" },
];

/** The same two in a rack with several servers. */
export const CLUSTER_RACK_HOSTS: readonly [RackHost, ...RackHost[]] = [
  { ...RACK_HOSTS[0], address: "10.77.0.101" },
  { name: "vm2", nics: ["52:54:00:00:00:03"], address: "10.77.0.102" },
];

export interface RackTree {
  readonly release: string;
  /** Absolute paths: the tree's folder, and the keyring that its Release file is signed with, if it has its own. */
  readonly path: string;
  readonly keyring?: string;
  /** URL of the archive that its packages come from; without one they are imported. */
  readonly upstream?: string;
}

export function rackSite({ release, path, keyring, upstream }: RackTree, hosts: readonly RackHost[]): string {
  return stringify({
    site: "rack",
    subnets: [
      {
        cidr: "192.168.77.0/24",
        router: RACK_SERVER,
        dns: [RACK_SERVER],
        domain: "lab.example",
        pool: "192.168.77.200-192.168.77.250",
        dhcp: "authoritative",
      },
    ],
    unknown: "ignore",
    servers: { one: { address: RACK_SERVER, interface: RACK_BRIDGE } },
    trees: {
      [RACK_TREE]: {
        family: "debian",
        release,
        path,
        ...(keyring !== undefined && { keyring }),
        ...(upstream !== undefined && { upstream }),
      },
    },
    ...rackKeys(RACK_TREE, hosts),
  });
}

/** Keys of any rack's site file: its hosts, and the profile that they have. `tree` is the name of its tree. */
export function rackKeys(tree: string, hosts: readonly RackHost[]): object {
  return {
    profiles: { small: { tree, ...SMALL_PROFILE } },
    hosts: Object.fromEntries(hosts.map((host) => [host.name, hostEntry(host)])),
  };
}

/**
 * What makes an emulated installation quick: the cloud kernel, required packages alone, no IPv6 (saves waiting for
 * autoconfiguration). The console is the serial port, where the lab reads along; the text front end and a dumb
 * terminal keep it readable.
 */
const SMALL_PROFILE = {
  language: "C.UTF-8",
  root: { password: PASSWORD_HASH },
  minimal: true,
  recommends: false,
  kernel: "linux-image-cloud-amd64",
  kernel_arguments: ["DEBIAN_FRONTEND=text", "TERM=dumb", "ipv6.disable=1", "console=ttyS0,115200"],
  installed_kernel_arguments: ["console=ttyS0,115200", "quiet"],
};

function hostEntry(host: RackHost): object {
  return {
    nics: host.nics,
    address: host.address,
    profile: "small",
    ...(host.bond === true && { bond: { mode: "active-backup", miimon: 100 } }),
    ...(host.loader !== undefined && { loader: host.loader }),
  };
}
