/** The one list of what can be exchanged: a newcomer is one file, one line here, and its fixtures. */
import { debian } from "./os/debian.ts";
import type { Family } from "./os/family.ts";

/** OS families, by the name that `trees.<tree>.family` uses. */
export const FAMILIES: ReadonlyMap<string, Family> = new Map([[debian.name, debian]]);

/** Folders of `src/server`: protocols with sockets of their own, and what protocols share. */
export const SERVERS = ["api", "boot", "dhcp", "http", "syslog", "tftp"] as const;

/** Files of `src/store` that fulfil the Store port. */
export const STORES = ["memory", "sqlite"] as const;
