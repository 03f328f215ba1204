/** What the other servers of the site ask for: versions of trees, their manifests, files and the hashes of their pieces. */
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { errorText } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { diskFile } from "../../content/disk-file.ts";
import { formatManifest } from "../../content/manifest.ts";
import { noteDamage, readDamage } from "../../content/replica-damage.ts";
import { type VersionIndex, VersionIndexes } from "../../content/replica-index.ts";
import { type OfferedVersion, TREE_PATHS } from "../../content/replica-peer.ts";
import { cutFile } from "../../content/replica-pieces.ts";
import { openTicket } from "../../content/replica-ticket.ts";
import type { Lookup } from "../../content/served-file.ts";
import { SingleFlight } from "../../content/single-flight.ts";
import { isVersionId, versionFolder, versionIds } from "../../content/versions.ts";
import { headerText } from "../http/conditional.ts";
import type { HttpRequest, HttpVerdict, Route } from "../http/route.ts";

export interface TreeRoutesOptions {
  /** The site's. */
  readonly key: Uint8Array;
  /** Is this the name of another server of the site? */
  readonly isPeer: (server: string) => boolean;
  /** The folder of a tree of the site; undefined = there is none of this name. */
  readonly treePath: (tree: string) => string | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** For all HTTP servers of the daemon. */
export function createTreeRoutes(options: TreeRoutesOptions): readonly Route[] {
  const offers = new Offers(options);
  return [
    peersOnly(options, TREE_PATHS.versions, ({ params }) => offers.versions(params)),
    peersOnly(options, TREE_PATHS.manifest, ({ params }) => offers.manifest(params)),
    peersOnly(options, TREE_PATHS.cut, ({ params }) => offers.cut(params)),
    peersOnly(options, TREE_PATHS.file, ({ params }) => offers.file(params)),
  ];
}

function peersOnly(options: TreeRoutesOptions, pattern: string, handle: Route["handle"]): Route {
  return {
    methods: ["GET"],
    pattern,
    handle: async (request) => (isFromPeer(options, request) ? handle(request) : REFUSED),
  };
}

function isFromPeer({ key, clock, isPeer, log }: TreeRoutesOptions, { headers, path, client }: HttpRequest): boolean {
  const ticket = openTicket(headerText(headers, "authorization"), path, key, clock.now());
  if (ticket.kind === "server") return isPeer(ticket.server);
  if (ticket.kind === "stale") {
    const { server, aheadMs } = ticket;
    log.warn({ server, aheadMs }, "a server's clock differs too much for it to fetch trees from here");
  } else log.debug({ client }, "who asked for trees is no server of the site");
  return false;
}

const REFUSED: HttpVerdict = { kind: "error", code: "file-refused" };
const ABSENT: HttpVerdict = { kind: "error", code: "file-absent" };

type Params = HttpRequest["params"];

interface Found {
  readonly root: string;
  readonly id: string;
  readonly index: VersionIndex;
}

interface FoundFile extends Found {
  /** Inside the version, and on the disk. */
  readonly path: string;
  readonly where: string;
}

class Offers {
  private readonly options: TreeRoutesOptions;
  private readonly indexes = new VersionIndexes();
  private readonly cuts = new SingleFlight<HttpVerdict>();

  constructor(options: TreeRoutesOptions) {
    this.options = options;
  }

  /** Those that are whole and not known to be damaged. */
  async versions({ tree = "" }: Params): Promise<HttpVerdict> {
    const root = this.options.treePath(tree);
    if (root === undefined) return ABSENT;
    const offered: OfferedVersion[] = [];
    for (const id of await versionIds(root)) {
      const index = await this.indexes.find(root, id);
      if (!index || (await readDamage(root, id)).length > 0) continue;
      const bytes = [...index.manifest.values()].reduce((sum, { size }) => sum + size, 0);
      offered.push({ id, files: index.manifest.size, bytes });
    }
    return text("application/json", JSON.stringify(offered));
  }

  async manifest(params: Params): Promise<HttpVerdict> {
    const found = await this.find(params);
    return found ? text("application/x-ndjson", formatManifest(found.index.manifest)) : ABSENT;
  }

  async file(params: Params): Promise<HttpVerdict> {
    const found = await this.findFile(params);
    if (!found) return ABSENT;
    const { sha256 = "" } = params;
    return verdictOf(await diskFile(found.where, { name: found.path, sha256: () => sha256 }));
  }

  /** Who reads a file whole finds out what it is: a damaged one is noted, and not told of. */
  async cut(params: Params): Promise<HttpVerdict> {
    const found = await this.findFile(params);
    if (!found) return ABSENT;
    return this.cuts.run(`${found.root} ${params.sha256}`, () => this.cutNow(found, params));
  }

  private async cutNow({ root, id, path, where }: FoundFile, params: Params): Promise<HttpVerdict> {
    const file = await cutFile(where);
    if (file.sha256 === params.sha256) return text("text/plain; charset=utf-8", `${file.pieces.join("\n")}\n`);
    const details = { tree: params.tree ?? "", version: id, path };
    this.options.log.error({}, errorText("tree-damaged", details));
    await noteDamage(root, id, [path]);
    return { kind: "error", code: "tree-damaged", details };
  }

  private async find({ tree = "", id = "" }: Params): Promise<Found | undefined> {
    const root = this.options.treePath(tree);
    if (root === undefined || !isVersionId(id)) return undefined;
    const index = await this.indexes.find(root, id);
    return index && { root, id, index };
  }

  private async findFile(params: Params): Promise<FoundFile | undefined> {
    const found = await this.find(params);
    const path = found?.index.paths.get(params.sha256 ?? "")?.[0];
    return found && path !== undefined
      ? { ...found, path, where: join(versionFolder(found.root, found.id), path) }
      : undefined;
  }
}

function text(contentType: string, body: string): HttpVerdict {
  return { kind: "text", status: 200, contentType, body };
}

function verdictOf(lookup: Lookup): HttpVerdict {
  if (lookup.kind === "file") return lookup;
  if (lookup.kind === "absent") return ABSENT;
  return lookup.kind === "refused" ? REFUSED : { kind: "error", code: lookup.code };
}
