/** A real etcd cluster on loopback, whose members can be killed, frozen and started again. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EverbootError } from "../src/base/errors.ts";
import { addCleanup, kill } from "./cleanup.ts";
import { UNPACKED_FOLDER } from "./unpacked.ts";

export const ETCD_PROGRAM = join(UNPACKED_FOLDER, "etcd-server/usr/bin/etcd");
const READY_WITHIN_MS = 60_000;
const POLL_MS = 20;

/** Reason why etcd cannot be started here, or undefined. For `test({ skip })`. */
export function etcdObstacle(): string | undefined {
  return existsSync(ETCD_PROGRAM) ? undefined : "package etcd-server is not unpacked here: run `./everboot test` once";
}

/** Command line of a member with the usual ports at its address; its data are kept below `folder`. */
export function etcdArguments(member: {
  readonly name: string;
  readonly address: string;
  readonly folder: string;
  /** Addresses of all members by name, this one too. */
  readonly members: ReadonlyMap<string, string>;
}): string[] {
  const { name, address, folder, members } = member;
  const all = [...members].map(([each, place]) => `${each}=http://${place}:2380`);
  return [
    ...["--name", name, "--data-dir", join(folder, `etcd-${name}`)],
    ...["--listen-client-urls", `http://${address}:2379`, "--advertise-client-urls", `http://${address}:2379`],
    ...["--listen-peer-urls", `http://${address}:2380`, "--initial-advertise-peer-urls", `http://${address}:2380`],
    ...["--initial-cluster", all.join(","), "--heartbeat-interval", "50", "--election-timeout", "300"],
    ...["--max-txn-ops", "16384", "--auto-compaction-mode", "revision", "--auto-compaction-retention", "10000"],
  ];
}

export interface EtcdClusterOptions {
  readonly members: number;
  /** Milliseconds; default 50 and 300, for members on one LAN. */
  readonly heartbeatMs?: number;
  readonly electionMs?: number;
}

interface Member {
  readonly name: string;
  readonly client: string;
  readonly peer: string;
  process?: ChildProcess;
}

export class EtcdCluster {
  private readonly folder = mkdtempSync(join(tmpdir(), "everboot-etcd-"));
  private readonly options: EtcdClusterOptions;
  private readonly members: readonly Member[];
  private readonly forget: () => void;

  private constructor(options: EtcdClusterOptions, ports: readonly number[]) {
    this.options = options;
    this.members = Array.from({ length: options.members }, (_, place) => ({
      name: `e${place + 1}`,
      client: `http://127.0.0.1:${ports[2 * place]}`,
      peer: `http://127.0.0.1:${ports[2 * place + 1]}`,
    }));
    this.forget = addCleanup(() => {
      for (const member of this.members) kill(member.process?.pid);
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  /** Resolves when it takes writes; rejects with `lab-broken`. */
  static async start(options: EtcdClusterOptions): Promise<EtcdCluster> {
    const cluster = new EtcdCluster(options, await freePorts(2 * options.members));
    for (const place of cluster.members.keys()) cluster.startMember(place);
    await cluster.leader();
    return cluster;
  }

  /** By place of the member. */
  get endpoints(): readonly string[] {
    return this.members.map((member) => member.client);
  }

  /** Its data is there after a restart. */
  startMember(place: number): void {
    const member = this.member(place);
    const log = openSync(join(this.folder, `${member.name}.log`), "a");
    const command = ["--pdeathsig", "KILL", ETCD_PROGRAM, ...this.flags(member)];
    member.process = spawn("setpriv", command, { stdio: ["ignore", log, log] });
    closeSync(log);
  }

  /** Resolves when it has ended. */
  async killMember(place: number): Promise<void> {
    const member = this.member(place);
    if (!member.process || member.process.exitCode !== null || member.process.signalCode !== null) return;
    const ended = once(member.process, "exit");
    member.process.kill("SIGKILL");
    await ended;
  }

  /** It keeps its connections and says nothing. */
  freezeMember(place: number): void {
    kill(this.member(place).process?.pid, "SIGSTOP");
  }

  thawMember(place: number): void {
    kill(this.member(place).process?.pid, "SIGCONT");
  }

  /** Place of the member that leads, once there is one that answers; rejects with `lab-broken`. */
  async leader(): Promise<number> {
    const end = Date.now() + READY_WITHIN_MS;
    while (Date.now() < end) {
      const states = await Promise.all(this.members.map((member) => statusOf(member.client)));
      const place = states.findIndex((state) => state?.leader !== undefined && state.leader === state.member);
      if (place >= 0) return place;
      await sleep(POLL_MS);
    }
    throw new EverbootError("lab-broken", { reason: `no etcd leader within ${READY_WITHIN_MS} ms` });
  }

  /** Forgets all revisions before this one, as etcd does by itself after a while. */
  async compact(revision: number): Promise<void> {
    await ask(this.endpoints[0] ?? "", "/v3/kv/compaction", { revision: String(revision), physical: true });
  }

  async remove(): Promise<void> {
    for (const place of this.members.keys()) await this.killMember(place);
    rmSync(this.folder, { recursive: true, force: true });
    this.forget();
  }

  private member(place: number): Member {
    const member = this.members[place];
    if (!member) throw new EverbootError("lab-broken", { reason: `no etcd member ${place}` });
    return member;
  }

  private flags({ name, client, peer }: Member): string[] {
    const { heartbeatMs = 50, electionMs = 300 } = this.options;
    const peers = this.members.map((member) => `${member.name}=${member.peer}`).join(",");
    return [
      ...["--name", name, "--data-dir", join(this.folder, name)],
      ...["--heartbeat-interval", String(heartbeatMs), "--election-timeout", String(electionMs)],
      ...["--listen-client-urls", client, "--advertise-client-urls", client],
      ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
      ...["--initial-cluster", peers, "--initial-cluster-state", "new"],
      ...["--max-txn-ops", "16384", "--auto-compaction-mode", "revision", "--auto-compaction-retention", "10000"],
    ];
  }
}

async function statusOf(
  client: string,
): Promise<{ leader: string | undefined; member: string | undefined } | undefined> {
  try {
    const { header, leader } = await ask(client, "/v3/maintenance/status", {});
    return { leader, member: header?.member_id };
  } catch {
    return undefined;
  }
}

interface StatusAnswer {
  readonly header?: { readonly member_id?: string };
  readonly leader?: string;
}

async function ask(client: string, path: string, body: unknown): Promise<StatusAnswer> {
  const options = { method: "POST", body: JSON.stringify(body), signal: AbortSignal.timeout(1_000) };
  const answer = await fetch(client + path, options);
  if (!answer.ok) throw new EverbootError("lab-broken", { reason: `etcd ${path}: ${await answer.text()}` });
  return (await answer.json()) as StatusAnswer;
}

/** All are open at the same time, so no two are the same; someone else could take one before etcd does. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listen));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address ? address.port : 0;
  });
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}

async function listen() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}
