/**
 * Floating addresses by real keepalived: servers in namespaces are killed, frozen and cut off, and a client that asks
 * every 5 ms tells when it is served again. A few faults in every run; all of them, ten times each, and a minute of
 * full CPU load, with EVERBOOT_LAB=failover.
 */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { namespaceObstacle } from "../../lab/netns.ts";
import { packageObstacle } from "../../lab/prerequisites.ts";
import { keepalivedProgram, type LabServer, SERVERS_ROUTER, ServersLab } from "../../lab/servers.ts";

const keepalived = keepalivedProgram();
const obstacle = namespaceObstacle() ?? keepalived.obstacle ?? packageObstacle("clients");
const isLong = process.env.EVERBOOT_LAB === "failover";
const RUNS = isLong ? 10 : 1;
const DEADLINE_MS = 30_000;
/** Long enough for VRRP's three adverts of 100 ms, were anything to move. */
const QUIET_MS = 1000;

const SERVER = join(import.meta.dirname, "floating-server.ts");
const CLIENT = join(import.meta.dirname, "floating-client.ts");

const now = () => Number(process.hrtime.bigint()) / 1e6;

/** Polls, because what is waited for is in the kernel. */
async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = now() + DEADLINE_MS;
  while (!(await isTrue())) {
    if (now() > deadline) throw new Error(`waited ${DEADLINE_MS} ms for: ${what}`);
    await pause(10);
  }
}

/** A daemon's stand-in, started again as often as a test likes. */
class Daemon {
  readonly server: LabServer;
  readonly folder: string;
  readonly states = new Map<string, string>();
  /** Changes of state since it was started. */
  changes = 0;
  child: ChildProcess | undefined;
  private readonly siteFile: string;
  private readonly said = new Set<string>();

  constructor(server: LabServer, siteFile: string, folder: string) {
    this.server = server;
    this.siteFile = siteFile;
    this.folder = folder;
  }

  async start(): Promise<void> {
    this.said.clear();
    this.states.clear();
    const args = ["--disable-warning=ExperimentalWarning", SERVER, this.siteFile, this.server.name, this.folder];
    const env = { ...process.env, ...keepalived.env };
    const stdio = ["pipe", "pipe", "inherit"] as const;
    const child = this.server.space.spawn(process.execPath, [...args, keepalived.program], { env, stdio: [...stdio] });
    this.child = child;
    if (child.stdout) createInterface(child.stdout).on("line", (line) => this.read(line));
    await this.hears("ready");
  }

  command(line: string): void {
    this.child?.stdin?.write(`${line}\n`);
  }

  hears(line: string): Promise<void> {
    return until(`${this.server.name}: ${line}`, () => this.said.has(line));
  }

  private read(line: string): void {
    const [kind, address = "", state = ""] = line.split(" ");
    if (kind !== "state") this.said.add(line);
    else {
      this.states.set(address, state);
      this.changes += 1;
    }
  }
}

/** What the client saw last, and when it began. */
class Client {
  answers: Array<{ readonly server: string; readonly at: number }> = [];
  refused = 0;
  private readonly child: ChildProcess;

  constructor(lab: ServersLab, address: string) {
    this.child = lab.client.spawn(process.execPath, ["--disable-warning=ExperimentalWarning", CLIENT, address]);
    if (!this.child.stdout) return;
    createInterface(this.child.stdout).on("line", (line) => {
      const [server = "", at = ""] = line.split(" ");
      if (server === "refused") this.refused += 1;
      else this.answers.push({ server, at: Number(at) });
    });
  }

  get server(): string | undefined {
    return this.answers.at(-1)?.server;
  }

  servedBy({ name }: LabServer): Promise<void> {
    return until(`the client is served by ${name}`, () => this.server === name);
  }

  /** Milliseconds from `since` until another server than `old` answered. */
  async movedFrom(old: LabServer, since: number): Promise<number> {
    const found = () => this.answers.find(({ server, at }) => at > since && server !== old.name);
    await until(`the client leaves ${old.name}`, () => found() !== undefined);
    return (found()?.at ?? Number.NaN) - since;
  }

  async close(): Promise<void> {
    const closed = once(this.child, "close");
    this.child.kill("SIGKILL");
    await closed;
  }
}

class Site {
  readonly lab: ServersLab;
  readonly folder: string;
  readonly daemons: readonly Daemon[];

  private constructor(lab: ServersLab, folder: string) {
    this.lab = lab;
    this.folder = folder;
    const siteFile = join(folder, "site.yaml");
    writeFileSync(siteFile, siteText(lab.servers));
    this.daemons = lab.servers.map((server) => {
      mkdirSync(join(folder, server.name));
      return new Daemon(server, siteFile, join(folder, server.name, "floating"));
    });
  }

  static async open(name: string, count: number): Promise<Site> {
    const lab = await ServersLab.open(name, count);
    const site = new Site(lab, mkdtempSync(join(tmpdir(), "everboot-floating-")));
    await Promise.all(site.daemons.map((daemon) => daemon.start()));
    await site.settled();
    return site;
  }

  /** Each address is at home, for the kernels, the daemons and the client. */
  async settled(): Promise<void> {
    for (const { server, states } of this.daemons) {
      await until(`${server.floating} is at home`, async () => {
        const holders = await this.lab.holders(server.floating);
        const heirs = this.daemons.filter((daemon) => daemon.server !== server);
        const isHeir = heirs.every((daemon) => daemon.states.get(server.floating) === "backup");
        return isHeir && holders.join() === server.name && states.get(server.floating) === "master";
      });
    }
  }

  daemon(index: number): Daemon {
    const daemon = this.daemons[index];
    assert.ok(daemon);
    return daemon;
  }

  async close(): Promise<void> {
    await this.lab.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function siteText(servers: readonly LabServer[]): string {
  const lines = servers.map(
    ({ name, address, floating, link }) =>
      `  ${name}: {address: ${address}, floating: ${floating}, interface: lan, links: [${link}]}`,
  );
  return `
site: lab
subnets:
  - {cidr: 10.77.0.0/24, router: ${SERVERS_ROUTER}}
servers:
${lines.join("\n")}
state: {etcd: ["http://10.77.0.11:2379"]}
trees:
  debian-12: {family: debian, release: bookworm, path: /srv/debian-12}
profiles:
  plain: {tree: debian-12}
hosts: {}
`;
}

interface Fault {
  readonly name: string;
  /** In every run, not only in the long one. */
  readonly quick?: boolean;
  /** Milliseconds within which the client must be served again. */
  readonly limit: number;
  strike(site: Site, victim: Daemon): Promise<void>;
  repair(site: Site, victim: Daemon): Promise<void>;
}

function killKeepalived({ folder }: Daemon): void {
  for (const file of ["keepalived.pid", "vrrp.pid"])
    process.kill(Number(readFileSync(join(folder, file), "utf8")), "SIGKILL");
}

function killSupervisor(lab: ServersLab, server: LabServer): void {
  const found = lab
    .processes(server)
    .find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("supervisor"));
  assert.ok(found !== undefined);
  process.kill(found, "SIGKILL");
}

async function cutOff({ lab }: Site, { server }: Daemon): Promise<void> {
  await lab.cut(server, "cross", "silent");
  await lab.cut(server, "lan", "silent");
}

async function plugIn({ lab }: Site, { server }: Daemon): Promise<void> {
  await lab.heal(server, "cross");
  await lab.heal(server, "lan");
}

const restart = (_site: Site, victim: Daemon) => victim.start();

const FAULTS: readonly Fault[] = [
  {
    name: "power lost: all cables dead, all processes gone",
    quick: true,
    limit: 1000,
    strike: async (site, victim) => {
      await cutOff(site, victim);
      site.lab.signal(victim.server, "SIGKILL");
    },
    repair: async (site, victim) => {
      await plugIn(site, victim);
      await victim.start();
    },
  },
  {
    name: "kill -9 of everything at once, while the kernel keeps the address",
    limit: 1000,
    strike: async ({ lab }, { server }) => {
      // Stopped first: none of them has time to say goodbye for another.
      lab.signal(server, "SIGSTOP");
      lab.signal(server, "SIGKILL");
    },
    repair: restart,
  },
  {
    name: "kill -9 of the daemon",
    quick: true,
    limit: 1000,
    strike: async (_site, { child }) => void child?.kill("SIGKILL"),
    repair: restart,
  },
  {
    name: "SIGSTOP of the daemon",
    quick: true,
    limit: 1000,
    strike: async (_site, { child }) => void child?.kill("SIGSTOP"),
    repair: async (_site, { child }) => void child?.kill("SIGCONT"),
  },
  {
    name: "SIGSTOP of everything on a server",
    limit: 1000,
    strike: async ({ lab }, { server }) => lab.signal(server, "SIGSTOP"),
    repair: async ({ lab }, { server }) => lab.signal(server, "SIGCONT"),
  },
  {
    name: "a daemon that says that it does not serve",
    limit: 1000,
    strike: async (_site, daemon) => daemon.command("unwell"),
    repair: async (_site, daemon) => daemon.command("well"),
  },
  {
    name: "kill -9 of keepalived",
    limit: 1000,
    strike: async (_site, daemon) => killKeepalived(daemon),
    repair: async () => undefined,
  },
  {
    name: "kill -9 of the supervisor",
    limit: 1000,
    strike: async ({ lab }, { server }) => killSupervisor(lab, server),
    repair: async () => undefined,
  },
  {
    name: "the LAN's cable pulled",
    limit: 1000,
    strike: ({ lab }, { server }) => lab.cut(server, "lan", "carrier"),
    repair: ({ lab }, { server }) => lab.heal(server, "lan"),
  },
  {
    name: "the LAN cut without loss of carrier",
    quick: true,
    limit: 1000,
    strike: ({ lab }, { server }) => lab.cut(server, "lan", "silent"),
    repair: ({ lab }, { server }) => lab.heal(server, "lan"),
  },
  {
    name: "LAN and cross-over link cut without loss of carrier",
    limit: 1000,
    strike: cutOff,
    repair: plugIn,
  },
];

const percentile = (values: readonly number[], part: number) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? Number.NaN;

describe("two servers", { skip: obstacle, concurrency: 1 }, () => {
  let site: Site;
  before(async () => {
    site = await Site.open("fl2", 2);
  });
  after(async () => {
    await site.close();
  });

  for (const { name, quick = false, limit, strike, repair } of FAULTS) {
    test(`${name}: the client is served again, and comes home`, {
      skip: !(quick || isLong) && "long: set EVERBOOT_LAB=failover",
    }, async (context) => {
      const victim = site.daemon(0);
      const { server } = victim;
      const times: number[] = [];
      for (let run = 0; run < RUNS; run++) {
        const client = new Client(site.lab, server.floating);
        try {
          await client.servedBy(server);
          // VRRP's phase at the moment of the fault decides on up to an advert: spread the runs over it.
          await pause(37 * run);
          const struck = now();
          await strike(site, victim);
          times.push(await client.movedFrom(server, struck));
          await repair(site, victim);
          await client.servedBy(server);
          await site.settled();
          assert.equal(await site.lab.clientArp(server.floating), server.mac, "the client asks the wrong server");
        } finally {
          await client.close();
        }
      }
      const figures = [0.5, 0.99].map((part) => percentile(times, part).toFixed(0));
      context.diagnostic(`${name}: p50 ${figures[0]} ms, p99 ${figures[1]} ms, n=${times.length}`);
      assert.ok(Math.max(...times) < limit, `${times.map((time) => time.toFixed(0)).join(" ")} ms`);
    });
  }

  const quiet: ReadonlyArray<readonly [what: string, strike: () => Promise<void>, repair: () => Promise<void>]> = [
    [
      "a cut cross-over link",
      () => site.lab.cut(site.daemon(0).server, "cross", "silent"),
      () => site.lab.heal(site.daemon(0).server, "cross"),
    ],
    ["a LAN that loses what the servers tell each other", () => site.lab.isolate(true), () => site.lab.isolate(false)],
  ];
  for (const [what, strike, repair] of quiet) {
    test(`${what} moves nothing`, async () => {
      const held = () => Promise.all(site.daemons.map(({ server }) => site.lab.holders(server.floating)));
      await site.settled();
      await strike();
      await pause(QUIET_MS);
      const during = await held();
      await repair();
      await pause(QUIET_MS);
      assert.deepEqual(
        [during, await held()],
        [
          [["server1"], ["server2"]],
          [["server1"], ["server2"]],
        ],
      );
    });
  }

  test("an heir keeps the address until no transfer needs it", async () => {
    const [victim, heir] = [site.daemon(0), site.daemon(1)];
    await site.settled();
    heir.command("busy");
    victim.command("unwell");
    await until("the heir has it", () => heir.states.get(victim.server.floating) === "master");
    victim.command("well");
    await until("the owner could have it", () => victim.states.get(victim.server.floating) === "backup");
    // Three times as long as an owner must be well here before it gets its address back.
    await pause(3000);
    assert.equal(heir.states.get(victim.server.floating), "master");
    heir.command("idle");
    await site.settled();
  });

  test("a daemon that ends in order leaves nothing behind, and loses no client", async () => {
    const { server } = site.daemon(0);
    await site.settled();
    const client = new Client(site.lab, server.floating);
    try {
      await client.servedBy(server);
      const stopped = now();
      site.daemon(0).command("stop");
      const moved = await client.movedFrom(server, stopped);
      await site.daemon(0).hears("stopped");
      assert.ok(moved < 500, `${moved} ms`);
      assert.deepEqual(await site.lab.holders(server.floating), ["server2"]);
      assert.equal(client.refused, 0, "connections refused");
    } finally {
      await client.close();
    }
    await until("all its processes have ended", () => site.lab.processes(server).length === 0);
    await site.daemon(0).start();
    await site.settled();
  });

  test("a minute of full CPU load moves nothing", { skip: !isLong && "long: set EVERBOOT_LAB=failover" }, async () => {
    await site.settled();
    const before = site.daemons.map(({ changes }) => changes);
    const hogs = Array.from({ length: 6 }, () => site.lab.client.spawn("sh", ["-c", "while :; do :; done"]));
    await pause(60_000);
    for (const hog of hogs) hog.kill("SIGKILL");
    const changes = site.daemons.map((daemon) => daemon.changes);
    assert.deepEqual(changes, before);
  });
});

test("three servers: each dead one has another heir", { skip: obstacle }, async () => {
  const site = await Site.open("fl3", 3);
  try {
    const [first, second] = [site.daemon(0), site.daemon(1)];
    // An heir that gave an address back just now counts its owner's silence from that moment, longer than the others.
    await pause(QUIET_MS);
    await cutOff(site, second);
    site.lab.signal(second.server, "SIGKILL");
    const holder = (address: string) =>
      site.daemons.filter(({ child, states }) => child?.signalCode === null && states.get(address) === "master");
    const isAt = (address: string, name: string) =>
      holder(address)
        .map(({ server }) => server.name)
        .join() === name;
    await until("server3 has server2's address", () => isAt(second.server.floating, "server3"));
    assert.ok(isAt(first.server.floating, "server1"));
    site.lab.signal(first.server, "SIGKILL");
    await until("server3 has server1's address", () => isAt(first.server.floating, "server3"));
  } finally {
    await site.close();
  }
});
