/** What the control API tells of the applied site file, and how another one is applied. */
import type { Clock } from "./base/clock.ts";
import { EverbootError } from "./base/errors.ts";
import type { Log } from "./base/log.ts";
import type { Members } from "./cluster/members.ts";
import { type AppliedSite, publishSite, type SiteNumber } from "./cluster/site-revisions.ts";
import { isCluster } from "./daemon-common.ts";
import type { OwnFile, ServedSite } from "./daemon-revisions.ts";
import type { ApplyRequest } from "./server/api/api.ts";
import type { ServedRevision, SiteDesk, SiteReport } from "./server/boot/operations.ts";
import { loadSite } from "./site/load.ts";
import type { Site } from "./site/model.ts";
import type { Store } from "./store/store.ts";

/** What a desk sees of the servers that run. */
export interface DeskView {
  /** Name of this server. */
  readonly server: string;
  readonly store: Store;
  readonly members: () => Members;
  readonly isAlive: (server: string) => boolean;
}

/** How this server stands to what is applied. */
export interface Standing {
  readonly served: ServedSite;
  readonly applied: AppliedSite | undefined;
  /** Revision that was applied and cannot be served here, and why, in words. */
  readonly refused: { readonly revision: string; readonly why: string } | undefined;
}

export interface DeskOptions extends DeskView {
  readonly file: OwnFile;
  readonly clock: Clock;
  readonly log: Log;
  readonly standing: () => Standing;
}

export function createSiteDesk(options: DeskOptions): SiteDesk {
  return { report: () => report(options), apply: (request) => apply(options, request) };
}

function report({ server, isAlive, members, standing }: DeskOptions): SiteReport {
  const { served, applied, refused } = standing();
  const { site } = served;
  const { number, revision, text } = applied ?? { number: 0, revision: site.revision, text: served.text };
  const servers = Array.from(site.servers.keys(), (name) => {
    const by = name === server ? site.revision : members().get(name)?.revision;
    return { name, alive: isAlive(name), ...(by && { serves: numbered(by, applied) }) };
  });
  return {
    ...{ site: site.name, server, number, revision, text },
    ...(applied && { at: applied.at, by: applied.by }),
    ...(refused?.revision === revision && { trouble: refused.why }),
    servers,
  };
}

function numbered(revision: string, applied: AppliedSite | undefined): ServedRevision {
  const known = applied ? [applied, ...applied.earlier] : [];
  const number = known.find((each) => each.revision === revision)?.number;
  return { revision, ...(number !== undefined && { number }) };
}

async function apply(options: DeskOptions, { text, expected }: ApplyRequest): Promise<SiteNumber> {
  const { file, server, store, clock, log, standing } = options;
  const loaded = loadSite(text, file.path);
  if (!("site" in loaded)) {
    const errors = loaded.problems.filter(({ severity }) => severity === "error");
    throw new EverbootError("site-invalid", { file: file.path, count: errors.length });
  }
  checkHome(standing().served.site, loaded.site);
  const { revision } = loaded.site;
  const { number } = await publishSite(store, { text, revision, expected, at: clock.now(), by: server });
  log.info({ number, revision }, "site file applied");
  return { number, revision };
}

/** Servers find what is applied where their state is: it cannot tell them to look elsewhere. */
function checkHome(here: Site, next: Site): void {
  if (next.name !== here.name)
    throw new EverbootError("site-elsewhere", { what: `the file is for site ${next.name}, this is ${here.name}` });
  if (isCluster(next) === isCluster(here)) return;
  const where = isCluster(next) ? "into etcd" : "out of etcd";
  throw new EverbootError("site-elsewhere", { what: `the state of the site would move ${where}` });
}
