/** The one list of what can be exchanged: a newcomer is one file, one line here, and its fixtures. */

import { leastLoaded } from "./balance/least-loaded.ts";
import { parity } from "./balance/parity.ts";
import type { BalancePolicy } from "./balance/policy.ts";
import { rendezvous } from "./balance/rendezvous.ts";
import { bind } from "./export/bind.ts";
import { dnsmasq } from "./export/dnsmasq.ts";
import type { Export } from "./export/exports.ts";
import { haresources } from "./export/haresources.ts";
import { iscDhcp } from "./export/isc-dhcp.ts";
import { kea } from "./export/kea.ts";
import { keepalived } from "./export/keepalived.ts";
import { nfs } from "./export/nfs.ts";
import { pxelinux } from "./export/pxelinux.ts";
import { agama } from "./os/agama.ts";
import { debian } from "./os/debian.ts";
import type { Family } from "./os/family.ts";
import { redhat } from "./os/redhat.ts";
import { suse } from "./os/suse.ts";
import { ubuntu } from "./os/ubuntu.ts";

/** OS families, by the name that `trees.<tree>.family` uses. */
export const FAMILIES: ReadonlyMap<string, Family> = new Map(
  [agama, debian, redhat, suse, ubuntu].map((family) => [family.name, family]),
);

/** Balance policies, by the name that `balance` uses. */
export const POLICIES: ReadonlyMap<string, BalancePolicy> = new Map(
  [rendezvous, parity, leastLoaded].map((policy) => [policy.name, policy]),
);

/** Folders of `src/server`: protocols with sockets of their own, and what protocols share. */
export const SERVERS = [
  ...[
    "api",
    "boot",
    "dhcp",
    "dns",
    "ftp",
    "hooks",
    "http",
    "metrics",
    "nfs",
    "peers",
    "syslog",
    "tftp",
    "trees",
    "web",
  ],
] as const;

/** Files of `src/store` that fulfil the Store port. */
export const STORES = ["etcd", "memory", "sqlite"] as const;

/** What `everboot export` can make, by the name of its format. */
export const EXPORTS: ReadonlyMap<string, Export> = new Map(
  [iscDhcp, kea, dnsmasq, bind, pxelinux, keepalived, haresources, nfs].map((each) => [each.name, each]),
);
