/**
 * One boot, one version: in any order of imports, replication, hand-outs, deaths and fetches at any server, all files that
 * a boot is given are of one version, and a server that lacks it sends the client on or says that it is an outage.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { agreedOrders } from "../../src/balance/site-orders.ts";
import { openJournal } from "../../src/cluster/journal.ts";
import { versionRead } from "../../src/cluster/permit-files.ts";
import { openPermits, type Permits } from "../../src/cluster/permits.ts";
import { bytesFile, SegmentReader } from "../../src/content/segments.ts";
import type { Elsewhere, Lookup, RedirectingResolver } from "../../src/content/served-file.ts";
import type { Family } from "../../src/os/family.ts";
import { lastingView } from "../../src/os/server-urls.ts";
import { POLICIES } from "../../src/registry.ts";
import { createBootFiles } from "../../src/server/boot/boot-files.ts";
import { createInstallFiles } from "../../src/server/boot/install-files.ts";
import { InstallServers } from "../../src/server/boot/install-servers.ts";
import { createPermitGate } from "../../src/server/boot/permit-gate.ts";
import { createWhereabouts } from "../../src/server/boot/whereabouts.ts";
import { installViewFor, lastingViewFor } from "../../src/server/endpoint.ts";
import type { Server } from "../../src/site/model.ts";
import { baseUrl } from "../../src/site/server-view.ts";
import { createMemoryStore } from "../../src/store/memory.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { siteOf } from "../support/sites.ts";

const NAMES = ["a", "b", "c"] as const;
type Name = (typeof NAMES)[number];
const SITE = siteOf(`site: three
subnets: [{cidr: 10.0.0.0/24, dhcp: off}]
servers:
  a: {address: 10.0.0.1, floating: 10.0.0.11}
  b: {address: 10.0.0.2, floating: 10.0.0.12}
  c: {address: 10.0.0.3, floating: 10.0.0.13}
trees: {t: {family: debian, release: bookworm, path: /t}}
profiles: {p: {tree: t}}
hosts:
  vm: {nics: ["52:54:00:00:00:01"], address: 10.0.0.101, profile: p}
`);
const HOST = SITE.hosts.get("vm") ?? assert.fail();
const VM = { address: HOST.address, protocol: "http" } as const;

/** Tells each URL that it was told. */
const FAMILY: Family = {
  name: "debian",
  detect: () => undefined,
  bootFiles: () => [{ kernel: "linux", initrd: "initrd" }],
  problems: () => [],
  readLog: () => undefined,
  render: ({ servers }) => {
    const urls = servers.map(({ tree }) => tree).join(" ");
    const answer = { name: "answers", contentType: "text/plain", text: urls };
    return { kernelArguments: [`trees=${urls}`], answer, overlay: [{ path: "answers", mode: 0o644, content: urls }] };
  },
};

type Step =
  | { readonly do: "import" | "replicate" | "die" | "live" | "boot"; readonly at: Name }
  | { readonly do: "fetch"; readonly at: Name; readonly file: "linux" | "initrd" | "package" }
  | { readonly do: "wait"; readonly seconds: number };

const at = fc.constantFrom(...NAMES);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("import" as const, "die" as const), at }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constantFrom("replicate" as const, "live" as const, "boot" as const), at }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("fetch" as const),
      at,
      file: fc.constantFrom("linux" as const, "initrd" as const, "package" as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), seconds: fc.integer({ min: 1, max: 90 }) }) },
);

class World {
  readonly clock = createFakeClock();
  readonly dead = new Set<Name>();
  readonly held = new Map<Name, Set<string>>(NAMES.map((name) => [name, new Set()]));
  current = "";
  private count = 0;
  private readonly permits = new Map<Name, Permits>();
  private readonly resolvers = new Map<Name, RedirectingResolver>();
  /** What the machine that boots now was told: the text of its script, and the version in it. */
  private script = "";
  boots = 0;
  fetched = 0;
  sentOn = 0;

  async open(): Promise<void> {
    const store = createMemoryStore();
    const { clock } = this;
    let bytes = 0;
    const random = (size: number) => new Uint8Array(size).fill(++bytes);
    this.import("a");
    for (const name of NAMES) this.replicate(name);
    const journal = await openJournal({ store, clock });
    const open = () => openPermits({ store, clock, journal, random });
    await (await open()).issue(HOST.name, { lifetimeMs: 1e9 });
    // Nobody follows: what another server hands out is heard of when it is in the way, and not before.
    for (const name of NAMES) this.permits.set(name, await open());
    for (const [name, permits] of this.permits) this.resolvers.set(name, this.server(name, permits));
  }

  async take(what: Step): Promise<void> {
    if (what.do === "wait") return void this.clock.advance(what.seconds * 1000);
    if (what.do === "import") return this.import(what.at);
    if (what.do === "replicate") return this.replicate(what.at);
    if (what.do === "live") return void this.dead.delete(what.at);
    if (what.do === "die") return void (this.dead.size < NAMES.length - 1 && this.dead.add(what.at));
    if (this.dead.has(what.at)) return;
    return what.do === "fetch" ? this.fetch(what.at, what.file) : this.boot(what.at);
  }

  private import(name: Name): void {
    if (this.dead.has(name)) return;
    this.count += 1;
    this.current = this.count.toString(16).padStart(12, "0");
    this.held.get(name)?.add(this.current);
  }

  private replicate(name: Name): void {
    const has = NAMES.some((other) => !this.dead.has(other) && this.held.get(other)?.has(this.current));
    if (has && !this.dead.has(name)) this.held.get(name)?.add(this.current);
  }

  private async boot(name: Name): Promise<void> {
    const text = await textOf(await this.ask(name, "/boot/ipxe/52-54-00-00-00-01"));
    this.script = "";
    const holders = NAMES.filter((each) => !this.dead.has(each) && this.held.get(each)?.has(this.current));
    if (text.includes("vm waits")) return assert.deepEqual(holders, [], "it waits for a version that is there");
    assert.match(text, /kernel /);
    this.script = text;
    this.boots += 1;
    assert.equal(new Set(versionsIn(text)).size, 1, text);
  }

  private async fetch(name: Name, file: "linux" | "initrd" | "package"): Promise<void> {
    if (this.script === "") return;
    const [version = ""] = versionsIn(this.script);
    const folder = /(\/boot\/\S+)\/linux/.exec(this.script)?.[1] ?? assert.fail(this.script);
    const found = await this.follow(name, file === "package" ? `/trees/t@${version}/pool/a.deb` : `${folder}/${file}`);
    if (found.kind === "broken") {
      const holders = NAMES.filter((each) => !this.dead.has(each) && this.held.get(each)?.has(version));
      return assert.deepEqual(holders, [], "an outage though a server that lives has it");
    }
    const text = await textOf(found);
    this.fetched += 1;
    assert.ok(text.startsWith(`${version} `), `${file} of ${text} where ${version} was begun`);
    for (const named of versionsIn(text)) assert.equal(named, version);
  }

  /** As iPXE, wget and apt do. */
  private async follow(name: Name, path: string): Promise<Lookup> {
    const found = await this.ask(name, path);
    if (found.kind !== "elsewhere") return found;
    this.sentOn += 1;
    const next = NAMES.find((each) => found.at === baseUrl(lastingView(SITE.servers.get(each) as Server)));
    assert.ok(next && !this.dead.has(next), "sent to the dead");
    const there = await this.ask(next, path);
    assert.ok(there.kind !== "elsewhere", "sent on twice");
    return there;
  }

  private ask(name: Name, path: string): Promise<Lookup | Elsewhere> {
    return (this.resolvers.get(name) ?? assert.fail(name))(path, VM);
  }

  private server(self: Name, permits: Permits): RedirectingResolver {
    const { clock } = this;
    const holds = (server: string, _tree: string, version: string | undefined) =>
      version === undefined || (this.held.get(server as Name)?.has(version) ?? false);
    const versions = { current: async () => this.current, lastCurrent: () => this.current, holds };
    const order = agreedOrders(SITE, POLICIES);
    const permitOf = permits.newestOf;
    const servers = new InstallServers({ site: SITE, order, versions, permitOf, now: () => clock.now() });
    const isAlive = (name: string) => !this.dead.has(name as Name);
    const where = createWhereabouts({
      ...{ self, isAlive, holds, serversFor: (client: string) => servers.ordered(client), viewOf: lastingView },
      isHere: async (_tree, version) => holds(self, "t", version),
      isInUse: (tree, version) =>
        [...this.permits.values()].some((each) => versionRead(each.newestOf("vm"), tree.name, clock.now()) === version),
    });
    const tree = async (_tree: unknown, path: string, version?: string): Promise<Lookup> => {
      const id = version ?? this.current;
      if (!holds(self, "t", id)) return { kind: "absent" };
      return { kind: "file", file: bytesFile(Buffer.from(`${id} ${path}\n`), "", 0) };
    };
    const families = new Map([[FAMILY.name, FAMILY]]);
    const own = () => lastingView(SITE.servers.get(self) as Server);
    const about = { site: SITE, self, isAlive, own };
    const isFit = (name: string, client: string, version?: string) => servers.isFit(name, client, version);
    return createBootFiles({
      ...{ site: SITE, permits: createPermitGate(permits, clock), tree, clock, missing: where.answer },
      installFiles: createInstallFiles({
        ...{ site: SITE, families, order, tree, versions: { ...versions, find: where.find } },
      }),
      loader: async () => ({ kind: "absent" }),
      serverFor: installViewFor({ ...about, isFit, usual: lastingViewFor({ ...about, fit: servers.fit }) }),
      onScript: () => "0123abcd",
      onUnlisted: () => {},
    });
  }
}

/** All versions that a text names, in tree URLs and in paths of the boot. */
function versionsIn(text: string): string[] {
  assert.doesNotMatch(text, /\/trees\/t\//, "a tree without a version");
  return [...text.matchAll(/@([0-9a-f]{12})\//g), ...text.matchAll(/\/trees\/t@([0-9a-f]{12})/g)].map(
    ([, id]) => id ?? "",
  );
}

async function textOf(found: Lookup | Elsewhere): Promise<string> {
  if (found.kind !== "file") return assert.fail(JSON.stringify(found));
  const reader = new SegmentReader(found.file);
  const bytes = Buffer.from(await reader.read(0, found.file.size));
  await reader.close();
  // An initrd has the answers behind the tree's own bytes.
  const end = bytes.indexOf(0x0a) + 1;
  const isInitrd = bytes[end] === 0x1f && bytes[end + 1] === 0x8b;
  return isInitrd ? `${bytes.subarray(0, end)}${gunzipSync(bytes.subarray(end))}` : bytes.toString();
}

test("all files of one boot are of one version", async () => {
  const seen = { boots: 0, fetched: 0, sentOn: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      const world = new World();
      await world.open();
      for (const each of steps) await world.take(each);
      for (const key of ["boots", "fetched", "sentOn"] as const) seen[key] += world[key];
    }),
    { numRuns: 200 },
  );
  // A property that never gets there shows nothing.
  assert.ok(seen.boots > 200 && seen.fetched > 300 && seen.sentOn > 30, JSON.stringify(seen));
});
