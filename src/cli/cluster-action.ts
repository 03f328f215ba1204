/** What the actions of `everboot cluster` have in common. */
import { EverbootError } from "../base/errors.ts";
import { etcdPlaces } from "../cluster/etcd/places.ts";
import type { ClusterReport, ClusterServer } from "../server/boot/operations.ts";
import { loadSite } from "../site/load.ts";
import type { Site } from "../site/model.ts";
import type { Io } from "./command.ts";
import { requireSite } from "./site-file.ts";
import { ask } from "./state-option.ts";

/** The options as they are written, and the words after the action's name. */
export interface ClusterArguments {
  readonly words: readonly string[];
  readonly config?: string | undefined;
  readonly server?: string | undefined;
  readonly state?: string | undefined;
  readonly key?: string | undefined;
  readonly timeout?: string | undefined;
  readonly json?: boolean | undefined;
  readonly back?: boolean | undefined;
  readonly yes?: boolean | undefined;
  readonly sole?: boolean | undefined;
}

/** Resolves with the exit code. */
export type ClusterAction = (args: ClusterArguments, io: Io) => Promise<number>;

/** What the daemon answers, with what it may know beyond. */
export interface ClusterAnswer extends ClusterReport {
  /** This server. */
  readonly server: string;
  readonly servers: readonly ServerAnswer[];
}

export interface ServerAnswer extends ClusterServer {
  /** It is being taken out of service. */
  readonly draining?: boolean;
  /** Installs that it was sent and that are not over. */
  readonly installs?: number;
}

export async function askCluster(io: Io, state: string | undefined): Promise<ClusterAnswer> {
  return (await ask(io, state, "GET", "/api/v1/cluster")) as ClusterAnswer;
}

/** Rejects with EverbootError `usage` where the site shares nothing. */
export async function requireClusterSite({ config }: ClusterArguments, io: Io): Promise<Site> {
  const { site } = await requireSite(config, io);
  if (site.etcd === undefined || site.servers.size < 2) {
    throw new EverbootError("usage", {
      what: `site ${site.name} has no cluster: it takes several servers, and \`etcd\` under \`state\``,
    });
  }
  return site;
}

/** The site that the daemon serves by, unless `-c` names a file, or no daemon answers. */
export async function servedSite(args: ClusterArguments, io: Io): Promise<Site> {
  if (args.config !== undefined) return requireClusterSite(args, io);
  try {
    const { text } = (await ask(io, args.state, "GET", "/api/v1/site")) as { readonly text: string };
    const loaded = loadSite(text, "/");
    if ("site" in loaded) return loaded.site;
  } catch (error) {
    if (!(error instanceof EverbootError) || error.code !== "daemon-absent") throw error;
  }
  return requireClusterSite(args, io);
}

/** The one word that the action takes. */
export function requireName({ words }: ClusterArguments, action: string, names: readonly string[]): string {
  const [name, ...more] = words;
  if (name !== undefined && more.length === 0 && names.includes(name)) return name;
  throw new EverbootError("usage", { what: `everboot cluster ${action} NAME, with one of ${names.join(", ")}` });
}

/** All that can be removed: servers, and members of etcd. */
export function memberNames(site: Site): string[] {
  return [...new Set([...site.servers.keys(), ...etcdPlaces(site).map(({ name }) => name)])];
}
