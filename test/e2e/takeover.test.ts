/**
 * Two servers with one floating address. The first is killed and its cable cut while foreign clients download; the
 * address moves to the second, as keepalived does it: the clients must go on at once, and get identical bytes.
 */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { kill } from "../../lab/cleanup.ts";
import { connect, Namespace } from "../../lab/netns.ts";
import type { Ipv4 } from "../../src/base/address.ts";
import { Lines, rackObstacle } from "../support/dhcp-rack.ts";
import { random } from "../support/lossy-udp.ts";
import type { TakeoverLine, TakeoverOptions } from "./takeover-server.ts";

const FLOATING = "10.91.0.1" as Ipv4;
const SERVERS = { a: "10.91.0.11" as Ipv4, b: "10.91.0.12" as Ipv4 };
const SERVER_PROGRAM = join(import.meta.dirname, "takeover-server.ts");
const SIZE = 12_000_000;
const CONTENT = randomBytes(SIZE);
/** The server sends slower than its clients read, so that they have acknowledged all when it dies. */
const CABLE = "rate 24mbit burst 96k limit 768k";
/** What keepalived takes to notice at an advert interval of 0.1 s, and a little more. */
const NOTICE_MS = 300;
const RUNS = 10;
const GOES_ON_WITHIN_MS = 3000;
/** A client that nobody helps is silent for a minute at least: curl's keepalive. */
const CONTROL_MS = 8000;

const SKIP = rackObstacle("ip", "tc", "busybox", "curl", "wget", "atftp", "sysctl");

interface Client {
  readonly name: string;
  readonly command: (to: string) => readonly string[];
}

const URL = `http://${FLOATING}/big`;
const CURL: Client = {
  name: "curl",
  command: (to) => ["curl", "-sS", "--retry", "30", "--retry-all-errors", "-C", "-", "-o", to, URL],
};
const WGET: Client = { name: "wget", command: (to) => ["wget", "-nv", "-c", "-O", to, URL] };

function atftp(blockSize: number, windowSize: number): Client {
  const options = ["--option", `blksize ${blockSize}`, "--option", `windowsize ${windowSize}`];
  const get = ["-g", "-r", "big", FLOATING];
  return {
    name: `atftp ${blockSize}x${windowSize}`,
    command: (to) => ["atftp", ...options, "--tftp-timeout", "1", "-l", to, ...get],
  };
}

/** One of each column in every run. */
const TFTP_TERMS: ReadonlyArray<readonly (readonly [number, number])[]> = [
  [
    [512, 1],
    [512, 16],
    [512, 64],
    [1024, 4],
  ],
  [
    [1428, 1],
    [1428, 4],
    [1428, 16],
    [1428, 64],
  ],
  [
    [65464, 1],
    [65464, 64],
    [8192, 8],
    [16384, 2],
  ],
];

let folder: string;
let net: Namespace;
let a: Namespace;
let b: Namespace;
const stations: Namespace[] = [];
const spaces: Namespace[] = [];

before(async () => {
  if (SKIP) return;
  folder = await mkdtemp(join(tmpdir(), "everboot-takeover-"));
  await writeFile(join(folder, "big"), CONTENT);
  net = await Namespace.create("tko-net");
  spaces.push(net);
  await net.bridge("br0", "10.91.0.254/24");
  a = await plugged("a", SERVERS.a);
  b = await plugged("b", SERVERS.b);
  for (const space of [a, b]) await space.exec("sysctl", ["-qw", "net.ipv4.ip_nonlocal_bind=1"]);
  for (let number = 0; number < 2 + TFTP_TERMS.length; number++) {
    stations.push(await plugged(`c${number}`, stationAddress(number)));
    await net.exec("tc", ["qdisc", "add", "dev", `to-c${number}`, "root", "tbf", ...CABLE.split(" ")]);
  }
});

after(async () => {
  if (SKIP) return;
  for (const space of spaces.reverse()) await space.remove();
  await rm(folder, { recursive: true });
});

function stationAddress(number: number): string {
  return `10.91.0.${101 + number}`;
}

async function plugged(name: string, address: string): Promise<Namespace> {
  const space = await Namespace.create(`tko-${name}`);
  spaces.push(space);
  await connect(net, `to-${name}`, space, "e0");
  await net.ip(`link set to-${name} master br0`);
  await space.ip(`addr add ${address}/24 dev e0`);
  return space;
}

/** The address is here now, and all that have talked to it are told. */
async function takeFloating(space: Namespace): Promise<void> {
  await space.ip(`addr add ${FLOATING}/24 dev e0`);
  await space.exec("busybox", ["arping", "-q", "-U", "-c", "1", "-I", "e0", "-s", FLOATING, FLOATING]);
}

async function started(space: Namespace, name: "a" | "b", key: string, helps: boolean): Promise<Lines> {
  const other = name === "a" ? "b" : "a";
  const options: TakeoverOptions = {
    name,
    peer: { name: other, address: SERVERS[other] },
    floating: FLOATING,
    file: { path: join(folder, "big"), size: SIZE },
    key,
    helps,
  };
  const server = new Lines(space.spawn(process.execPath, [SERVER_PROGRAM, JSON.stringify(options)]));
  await server.match(/"ready"/);
  return server;
}

interface Download {
  readonly client: Client;
  readonly address: string;
  readonly file: string;
  readonly program: ChildProcess;
  readonly ended: Promise<unknown>;
  complaints: string;
}

async function download(client: Client, number: number): Promise<Download> {
  const station = stations[number];
  assert.ok(station);
  const file = join(folder, `got-${number}`);
  await rm(file, { force: true });
  const [command = "", ...words] = client.command(file);
  const program = station.spawn(command, words);
  const ended = once(program, "close");
  const running = { client, address: stationAddress(number), file, program, ended, complaints: "" };
  program.stderr?.on("data", (text: Buffer) => {
    running.complaints += text.toString();
  });
  return running;
}

/** Server `a` dies at the moment given, and `b` takes over. What `judge` makes of it is the result. */
async function takeOver(clients: readonly Client[], dieAfter: number, helps: boolean, judge: Judge): Promise<void> {
  const key = randomBytes(32).toString("hex");
  const servers = { a: await started(a, "a", key, true), b: await started(b, "b", key, helps) };
  await takeFloating(a);
  const downloads = await Promise.all(clients.map(download));
  for (const { address } of downloads) await servers.a.match(new RegExp(`"started":"${address}"`));
  await wait(dieAfter);
  for (const { client, program } of downloads) assert.equal(program.exitCode, null, `${client.name} was too quick`);
  await net.ip("link set to-a down");
  const diedAt = Date.now();
  await servers.a.end("SIGKILL");
  await wait(NOTICE_MS);
  await takeFloating(b);
  servers.b.child.stdin?.write("adopted\n");
  try {
    await judge(downloads, servers.b, diedAt);
  } finally {
    for (const { program } of downloads) if (program.exitCode === null) kill(program.pid);
    await servers.b.end("SIGKILL");
    for (const space of [a, b]) await space.ip(`addr del ${FLOATING}/24 dev e0`);
    await net.ip("link set to-a up");
  }
}

type Judge = (downloads: readonly Download[], heir: Lines, diedAt: number) => Promise<void>;

/** Milliseconds from the death of its server to the first bytes from the heir. */
async function gapOf({ address }: Download, heir: Lines, diedAt: number): Promise<number> {
  const line: TakeoverLine = JSON.parse(await heir.match(new RegExp(`"started":"${address}"`)));
  assert.ok("started" in line);
  return line.at - diedAt;
}

for (let run = 0; run < RUNS; run++) {
  const terms = TFTP_TERMS.map((column) => column[run % column.length] ?? [512, 1]);
  const clients = [CURL, WGET, ...terms.map(([blockSize, windowSize]) => atftp(blockSize, windowSize))];
  const dieAfter = Math.round(200 + random(run + 1)() * 1500);
  test(`killed after ${dieAfter} ms: all clients go on`, { skip: SKIP }, async (t) => {
    await takeOver(clients, dieAfter, true, async (downloads, heir, diedAt) => {
      for (const running of downloads) {
        const gap = await gapOf(running, heir, diedAt);
        await running.ended;
        t.diagnostic(`${running.client.name}: bytes again after ${gap} ms`);
        assert.equal(running.program.exitCode, 0, `${running.client.name}: ${running.complaints}`);
        assert.ok((await readFile(running.file)).equals(CONTENT), `${running.client.name}: other bytes`);
        assert.ok(gap < GOES_ON_WITHIN_MS, `${running.client.name} went on after ${gap} ms`);
      }
    });
  });
}

test("control: without tickle and handover nobody goes on", { skip: SKIP }, async () => {
  await takeOver([CURL, WGET, atftp(1428, 4)], 700, false, async (_downloads, heir) => {
    await wait(CONTROL_MS);
    heir.child.stdin?.write("counters\n");
    const line: TakeoverLine = JSON.parse(await heir.match(/"counters"/));
    assert.deepEqual(
      heir.all.filter((said) => said.includes('"started"')),
      [],
    );
    assert.ok("counters" in line);
    assert.ok(Number(line.counters["drop.no-session"]) > 0, "the TFTP client asked, in vain");
  });
});
