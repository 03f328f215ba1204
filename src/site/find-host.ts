import { EverbootError } from "../base/errors.ts";
import type { Host, Site } from "./model.ts";
import { suggestion } from "./nearest.ts";

/** The host of that name. Throws EverbootError `host-unknown`, with the nearest name. */
export function findHost(site: Site, name: string): Host {
  const host = site.hosts.get(name);
  if (host) return host;
  throw new EverbootError("host-unknown", { host: name, hint: `: ${suggestion(name, [...site.hosts.keys()])}` });
}
