/** All checks, in the order in which they are told. */
import { addressesCheck } from "./addresses.ts";
import { bondsCheck } from "./bonds.ts";
import type { Check } from "./check.ts";
import { clockCheck } from "./clock.ts";
import { clusterCheck } from "./cluster.ts";
import { conflictsCheck } from "./conflicts.ts";
import { dhcpCheck } from "./dhcp.ts";
import { diskCheck } from "./disk.ts";
import { etcdCheck } from "./etcd.ts";
import { firewallCheck } from "./firewall.ts";
import { kernelCheck } from "./kernel.ts";
import { limitsCheck } from "./limits.ts";
import { loadersCheck } from "./loaders.ts";
import { mtuCheck } from "./mtu.ts";
import { namesCheck } from "./names.ts";
import { portsCheck } from "./ports.ts";
import { programsCheck } from "./programs.ts";
import { reachCheck } from "./reach.ts";
import { treesCheck } from "./trees.ts";
import { vrrpCheck } from "./vrrp.ts";

export const CHECKS: readonly Check[] = [
  ...[loadersCheck, treesCheck, programsCheck, addressesCheck, bondsCheck, portsCheck, firewallCheck],
  ...[dhcpCheck, conflictsCheck, reachCheck, mtuCheck, clockCheck, namesCheck],
  ...[etcdCheck, clusterCheck, vrrpCheck, kernelCheck, diskCheck, limitsCheck],
];
