/** NFS within a daemon: where a profile has its installers mount the tree. */
import { join } from "node:path";
import type { Clock } from "./base/clock.ts";
import type { Log } from "./base/log.ts";
import type { StatePaths } from "./cluster/state-folder.ts";
import { exportedTrees } from "./export/nfs.ts";
import { createNfsServer, type NfsServer } from "./server/nfs/server.ts";
import { installsBy } from "./site/installs-by.ts";
import type { Site, Server as SiteServer } from "./site/model.ts";

export interface SiteNfsOptions {
  /** At this moment. */
  readonly site: () => Site;
  readonly server: Pick<SiteServer, "name">;
  readonly paths: Pick<StatePaths, "folder">;
  readonly clock: Clock;
  readonly log: Log;
  /** Where system programs are looked for: as PATH has it. */
  readonly searchPath?: string;
}

/** None where no profile of the site has `via: nfs`. It listens at all addresses, those that move too. */
export function nfsServers({ site, server, paths, clock, log, searchPath = "" }: SiteNfsOptions): NfsServer[] {
  if (!installsBy(site(), "nfs")) return [];
  const shares = () => ({ trees: exportedTrees(site()), clients: site().subnets.map(({ cidr }) => cidr) });
  return [
    createNfsServer({
      ...{ site: site().name, server: server.name, folder: join(paths.folder, "nfs"), shares, versions: [3, 4] },
      ...{ searchPath, clock, log },
    }),
  ];
}
