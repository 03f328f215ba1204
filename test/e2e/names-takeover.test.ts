/**
 * Two install servers and a witness, the daemons as they are: one is killed with all that runs on it while machines ask
 * for the install name and download by FTP. Its floating address is gone from the answers within a second, its own
 * questions are answered by the heir, and downloads go on. Once in every run; five times with EVERBOOT_LAB=names.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Client, monotonicNow } from "../../bench/failover/watch.ts";
import { clusterObstacle, LAB_TREE, LabCluster } from "../../lab/cluster.ts";
import { connect, Namespace } from "../../lab/netns.ts";
import { packageObstacle } from "../../lab/prerequisites.ts";
import type { LabServer } from "../../lab/servers.ts";
import { testBytes } from "../support/http-folder.ts";
import { NameWatch } from "../support/name-watch.ts";
import { resolving, writeResolverFiles } from "../support/resolver.ts";

const skip = clusterObstacle() ?? packageObstacle("clients");
const isLong = process.env.EVERBOOT_LAB === "names";
const KILLS = isLong ? 5 : 1;
const DOMAIN = "lab.example";
const NAME = `install.${DOMAIN}`;
/** The promise, where it is measured; a computer that does much else at the same time was seen to take 1.5 s. */
const GONE_WITHIN_MS = isLong ? 1000 : 3000;
const GOES_ON_WITHIN_MS = 5000;
const ENDS_WITHIN_MS = 60_000;

const SIZE = 30_000_000;
const CONTENT = testBytes(SIZE);
/** The station gets it through this: slow enough for a server to die in mid-file. */
const STATION = { address: "10.77.0.110", rate: "rate 80mbit burst 96k limit 768k" };
/** All are well under way. */
const BEFORE_KILL = 6_000_000;

/** Called again, as a script would: lftp 4.9.2 gives up when the control connection ends in mid-file, of any server. */
const AGAIN = 'for try in $(seq 60); do "$@" && exit; sleep 0.2; done; exit 1';
const FTP_CLIENTS: Readonly<Record<string, (url: string, to: string) => readonly string[]>> = {
  curl: (url, to) => [...["curl", "-sS", "--retry", "30", "--retry-all-errors", "-C", "-"], "-o", to, url],
  wget: (url, to) => ["wget", "-nv", "-c", "--retry-connrefused", "--waitretry=1", "-O", to, url],
  "lftp, called again": (url, to) => ["sh", "-c", AGAIN, "sh", "lftp", "-c", `get -c ${url} -o ${to}`],
};
/** In curl 7.88 a retry of a resumed transfer truncates the file to what it began with. */
const STARTS_OVER = "curl";

let lab: LabCluster;
let station: Namespace;
/** By what was measured, with its unit: a figure for each kill. */
const figures = new Map<string, number[]>();

before(async () => {
  if (skip) return;
  lab = await LabCluster.open({
    name: "nto",
    servers: 2,
    hosts: {},
    site: { names: { install: NAME } },
    serverKeys: () => ({ ftp: true }),
    fill: (folder) => {
      writeFileSync(join(folder, "big"), CONTENT);
      for (const name of ["linux", "initrd.gz"]) writeFileSync(join(folder, name), CONTENT.subarray(0, 100_000));
    },
  });
  station = await Namespace.create("ntost");
  const { fabric } = lab.net;
  await connect(station, "lan", fabric, "lan-station");
  await fabric.ip("link set lan-station master lan");
  await station.ip(`addr add ${STATION.address}/24 dev lan`);
  await fabric.exec("tc", ["qdisc", "add", "dev", "lan-station", "root", "tbf", ...STATION.rate.split(" ")]);
});

after(async () => {
  if (skip) return;
  await station.remove();
  await lab.close();
});

for (let kill = 0; kill < KILLS; kill += 1)
  test(`kill ${kill + 1}: names and FTP`, { skip, timeout: 180_000 }, async (t) => {
    const dying = lab.servers[kill % 2];
    const heir = lab.servers[(kill + 1) % 2];
    assert.ok(dying && heir);
    try {
      await takeOver(dying, heir, kill);
    } finally {
      await lab.net.forgetFloating(dying);
      if (kill + 1 < KILLS) await lab.repair();
    }
    for (const [name, all] of figures) t.diagnostic(`${name}: ${all.join(", ")}`);
  });

test("what was measured, over all kills", { skip: skip ?? (!isLong && "long: set EVERBOOT_LAB=names") }, (t) => {
  for (const [name, all] of figures) {
    const sorted = all.toSorted((a, b) => a - b);
    t.diagnostic(`${name}: median ${sorted[Math.floor(sorted.length / 2)]}, worst ${sorted.at(-1)}`);
    assert.equal(all.length, KILLS, name);
  }
});

async function takeOver(dying: LabServer, heir: LabServer, kill: number): Promise<void> {
  const floating = lab.servers.map((server) => server.floating);
  await writeResolverFiles(lab.folder, { servers: [dying.floating, heir.floating], search: DOMAIN });
  await assertResolved(floating);
  const watches = { asking: NameWatch.ask, dig: NameWatch.dig };
  const all = Object.entries(watches).map(([by, open]) => ({ by, watch: open(lab.net.client, NAME, floating) }));
  const downloads = Object.entries(FTP_CLIENTS).map(([name, words]) => download(name, words, dying, kill));
  try {
    await lab
      .until("all are under way", async () => downloads.every(({ client }) => client.size > BEFORE_KILL))
      .catch((error: unknown) => {
        const had = downloads.map(({ name, client }) => `${name}: ${client.size} bytes ${client.printed}`);
        throw new Error(had.join("\n"), { cause: error });
      });
    await lab.until("both answer for both", async () =>
      all.every(({ watch }) => tellsAll(watch, floating, floating, 0)),
    );
    const from = monotonicNow();
    const results = downloads.map(async (each) => judgeDownload(each, await pauseOf(each.client)));
    await cutAndKill(dying);
    const lookUp = lookUpDuring(from);
    await lab.until("the heir answers for both", async () =>
      all.every(({ watch }) => tellsAll(watch, floating, [heir.floating], from)),
    );
    await assertResolved([heir.floating]);
    await Promise.all([...results, lookUp]);
    for (const { by, watch } of all) judgeNames(by, watch, { dying, heir, from });
  } finally {
    for (const { watch } of all) watch.end();
    for (const { client } of downloads) await client.end();
  }
}

/** As when its power fails: its cables first, or its kernel would tell clients that nobody listens any more. */
async function cutAndKill(server: LabServer): Promise<void> {
  await Promise.all((["lan", "cross"] as const).map((cable) => lab.net.cut(server, cable, "silent")));
  await lab.killServer(server);
}

/** glibc's resolver and busybox's find these addresses and no others. */
async function assertResolved(addresses: readonly string[]): Promise<void> {
  const lookUp = (...words: readonly string[]) => resolving(lab.net.client, lab.folder, ...words);
  const hosts = await lookUp("getent", "hosts", NAME);
  assert.deepEqual(hosts.match(/^[\d.]+/gm)?.sort(), addresses, "getent");
  const found = await lookUp("busybox", "nslookup", NAME);
  const told = [...found.matchAll(/^Address: ([\d.]+)$/gm)].map(([, address = ""]) => address);
  assert.deepEqual(told.sort(), addresses, found);
}

/** A look-up by glibc that begins when the server has just died, and asks the dead address first. */
async function lookUpDuring(from: number): Promise<void> {
  await resolving(lab.net.client, lab.folder, "getent", "hosts", NAME);
  note("getent that began at the death", monotonicNow() - from);
}

/** Was the last answer of each of the servers these addresses? */
function tellsAll(watch: NameWatch, servers: readonly string[], addresses: readonly string[], from: number): boolean {
  const last = servers.map((server) => watch.of(server, from).at(-1)?.addresses.toSorted().join());
  return last.every((told) => told === addresses.join());
}

interface Death {
  readonly dying: LabServer;
  readonly heir: LabServer;
  readonly from: number;
}

function judgeNames(by: string, watch: NameWatch, { dying, heir, from }: Death): void {
  const gone = watch.goneAt(heir.floating, dying.floating, from);
  assert.ok(gone !== undefined, "the survivor answers without the dead server's address");
  note(`${by}: the dead server's address is gone from the survivor's answers`, gone - from);
  note(`${by}: nobody answers at the dead server's address`, watch.silence(dying.floating, from, monotonicNow()));
  note(`${by}: nobody answers at the survivor's address`, watch.silence(heir.floating, from, monotonicNow()));
  assert.ok(gone - from < GONE_WITHIN_MS, `${by}: named for ${gone - from} ms`);
  for (const { addresses } of watch.of(heir.floating, from)) assert.ok(addresses.includes(heir.floating), by);
}

interface Download {
  readonly name: string;
  readonly client: Client;
}

function download(
  name: string,
  words: (url: string, to: string) => readonly string[],
  { floating }: LabServer,
  kill: number,
): Download {
  const to = join(lab.folder, `${name.slice(0, 4)}-${kill}`);
  return { name, client: new Client(station, words(`ftp://${floating}/trees/${LAB_TREE}/big`, to), to) };
}

interface Pause {
  /** The longest time in which its file stood still. */
  readonly ms: number;
  /** Bytes that it had, threw away, and fetched again. */
  readonly again: number;
}

/** Looks until the client ends. */
async function pauseOf(client: Client): Promise<Pause> {
  let [size, changed, ms, again] = [client.size, performance.now(), 0, 0];
  await client.until(() => {
    const now = performance.now();
    ms = Math.max(ms, now - changed);
    again = Math.max(again, size - client.size);
    if (client.size !== size) [size, changed] = [client.size, now];
    return false;
  }, ENDS_WITHIN_MS);
  return { ms, again };
}

async function judgeDownload({ name, client }: Download, { ms, again }: Pause): Promise<void> {
  const { code, file, printed } = await client.end();
  assert.equal(code, 0, `${name}: ${printed}`);
  assert.ok(file.equals(CONTENT), `${name}: ${file.length} other bytes`);
  note(`FTP, ${name}: pause`, ms);
  note(`FTP, ${name}: fetched again`, again, "bytes");
  if (name !== STARTS_OVER) assert.equal(again, 0, `${name} fetched ${again} bytes again`);
  assert.ok(ms < GOES_ON_WITHIN_MS, `${name} went on after ${ms} ms`);
}

function note(what: string, figure: number, unit = "ms"): void {
  const name = `${what} (${unit})`;
  figures.set(name, [...(figures.get(name) ?? []), Math.round(figure)]);
}
