/** A rack whose tree is a pull-through mirror, its upstream beside it, and what can be told of both from outside. */
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { filesIn, type SignedFile, type SignedFiles, signedFiles } from "../../lab/mirror-audit.ts";
import { LabUpstream } from "../../lab/mirror-upstream.ts";
import { openRack, type Rack, type TreeSource } from "../../lab/rack.ts";
import { RACK_SERVER, RACK_TREE } from "../../lab/rack-site.ts";
import { askDaemon } from "../../src/cli/daemon-client.ts";
import type { JournalEvent } from "../../src/cluster/events.ts";
import { statePaths } from "../../src/cluster/state-folder.ts";
import type { HostState } from "../../src/site/host-states.ts";

export interface MirrorRackOptions {
  /** At most 7 characters: names the namespaces. */
  readonly name: string;
  /** What the upstream serves: a signed archive with uncompressed lists. */
  readonly archive: string;
  /** What the upstream lacks of it, by path, though signed files list it. */
  readonly lacking?: (path: string) => boolean;
  /** With the archive's keyring; its `fill` brings what does not come from the upstream. */
  readonly tree: TreeSource & { readonly keyring: string };
  /** The path of a package in the archive that no install asks for. */
  readonly spare: RegExp;
}

/** One package that a host was sent. */
export interface Served {
  /** Below the tree. */
  readonly path: string;
  readonly bytes: number;
  /** A status, when it did not reach its end. */
  readonly broken?: string | number;
}

export interface Fetched {
  /** Of the answer; `broken`: it did not reach its end. */
  readonly status: number | "broken";
  readonly bytes: number;
  readonly sha256: string;
  /** The beginning of the body. */
  readonly text: string;
}

/** Fetches a URL to its end; prints a Fetched. */
const FETCH = `
const chunks = [];
let status = "broken";
try {
  const response = await fetch(process.argv[1]);
  for await (const chunk of response.body) chunks.push(chunk);
  status = response.status;
} catch {}
const body = Buffer.concat(chunks);
const sha256 = (await import("node:crypto")).createHash("sha256").update(body).digest("hex");
console.log(JSON.stringify({ status, bytes: body.length, sha256, text: body.toString("latin1", 0, 200) }));
`;

export class MirrorRack {
  readonly rack: Rack;
  readonly upstream: LabUpstream;
  /** All that the upstream's signature vouches for. */
  readonly signed: SignedFiles;
  readonly spare: SignedFile & { readonly path: string };
  /** What the upstream serves. */
  private readonly archive: string;

  private constructor(rack: Rack, upstream: LabUpstream, signed: SignedFiles, spare: RegExp) {
    this.rack = rack;
    this.upstream = upstream;
    this.signed = signed;
    const [path, file] = [...signed].find(([name]) => spare.test(name)) ?? [];
    if (path === undefined || file === undefined) throw new Error(`the archive has no ${spare}`);
    this.spare = { path, ...file };
    this.archive = archiveOf(rack);
  }

  /** The mirror's cache is empty, and nobody has asked the upstream. */
  static async open({ name, archive, lacking, tree, spare }: MirrorRackOptions): Promise<MirrorRack> {
    const signed = await signedFiles(archive, tree.release, tree.keyring);
    const rack = await openRack({ name, tree: { ...tree, upstream: LabUpstream.url } });
    let upstream: LabUpstream | undefined;
    try {
      await keepCarrier(rack);
      const folder = archiveOf(rack);
      cpSync(archive, folder, { recursive: true, preserveTimestamps: true });
      for (const path of signed.keys()) if (lacking?.(path)) rmSync(join(folder, path));
      upstream = await LabUpstream.open({ name: `${name}u`, near: rack.space, folder });
      return new MirrorRack(rack, upstream, signed, spare);
    } catch (error) {
      await upstream?.close();
      await rack.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.upstream.close();
    await this.rack.close();
  }

  /** Packages that the mirror keeps, by path below the upstream. */
  keptPackages(): SignedFiles {
    return filesIn(this.keptFolder);
  }

  /** Index files that the mirror keeps, by name: their digest. */
  keptIndices(): SignedFiles {
    return filesIn(join(this.rack.tree, ".everboot-mirror/by-hash"));
  }

  /** Packages that the host was sent since a time in milliseconds since 1970, in order, as the journal has them. */
  async served(host: string, since: number): Promise<readonly Served[]> {
    const sent = (await this.events(host)).filter(({ at, what }) => at >= since && what === "served");
    return sent.flatMap(({ facts: { path, bytes, broken } }) => {
      const [, inner] = SERVED_PACKAGE.exec(String(path)) ?? [];
      return inner === undefined
        ? []
        : [{ path: inner, bytes: Number(bytes), ...(broken !== undefined && { broken }) }];
    });
  }

  /** The state that the host is in at last: it reports its network at its first boot. */
  async finalState(host: string): Promise<HostState> {
    const deadline = performance.now() + 20 * 60_000;
    for (;;) {
      const { state } = await this.rack.status(host);
      if (state === "verified" || state === "differs" || performance.now() > deadline) return state;
      await delay(1000);
    }
  }

  /** Fetches the spare package from the mirror, from within the rack. */
  async fetchSpare(): Promise<Fetched> {
    const url = `http://${RACK_SERVER}/trees/${RACK_TREE}/${this.spare.path}`;
    const args = ["--input-type=module", "--eval", FETCH, url];
    return JSON.parse(await this.rack.space.exec(process.execPath, args, 5 * 60_000)) as Fetched;
  }

  /** Turns one byte of the spare package over: the upstream's copy, or the one that the mirror keeps. Twice is as it was. */
  spoilSpare(whose: "upstream" | "kept"): void {
    const path = join(whose === "upstream" ? this.archive : this.keptFolder, this.spare.path);
    const bytes = readFileSync(path);
    const middle = bytes.length >> 1;
    bytes[middle] = ~(bytes[middle] ?? 0);
    writeFileSync(path, bytes);
  }

  private get keptFolder(): string {
    return join(this.rack.tree, ".everboot-mirror/files");
  }

  private async events(host: string): Promise<readonly JournalEvent[]> {
    const { socket } = statePaths(this.rack.state);
    const all: JournalEvent[] = [];
    for (let after: string | undefined = "0"; after !== undefined; ) {
      const path = `/api/v1/hosts/${host}/events?limit=1000&after=${after}`;
      const page = (await askDaemon(socket, "GET", path)) as { items: readonly JournalEvent[]; next?: string };
      all.push(...page.items);
      after = page.next;
    }
    return all;
  }
}

/** With or without the version that the machine keeps to. */
const SERVED_PACKAGE = new RegExp(`^/?trees/${RACK_TREE}(?:@[0-9a-f]+)?/(pool/.*)$`);

/** A bridge loses its carrier with its last port, and a daemon that is started then finds its address on no interface. */
async function keepCarrier({ space, bridge }: Rack): Promise<void> {
  await space.ip("link add port0 type veth peer name port1");
  await space.ip("link set port1 up");
  await space.ip(`link set port0 master ${bridge} up`);
}

function archiveOf({ folder }: Rack): string {
  return join(folder, "upstream");
}
