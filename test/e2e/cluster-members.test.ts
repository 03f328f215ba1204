/**
 * A cluster set up by the command line alone: three servers, a witness that comes in later and is taken out again, and
 * a survivor that goes on when the others are lost. Real etcd; for the daemons stands a program that runs their member.
 */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { EVERBOOT } from "../../lab/daemon-process.ts";
import { etcdObstacle } from "../../lab/etcd.ts";
import { type Namespace, namespaceObstacle } from "../../lab/netns.ts";
import { type LabServer, ServersLab, unpackedEnvironment } from "../../lab/servers.ts";
import type { SurveyedMember } from "../../src/cluster/etcd/survey.ts";

const skip = namespaceObstacle() ?? etcdObstacle();
const MEMBER = fileURLToPath(new URL("./etcd-member.ts", import.meta.url));
const WITNESS = "10.77.0.100";
const WAIT_MS = 60_000;

let net: ServersLab;
let folder: string;
/** The site file, without and with a witness. */
let site: string;
let witnessSite: string;
const members = new Map<string, ChildProcess>();

interface Answer {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function node(space: Namespace, ...args: readonly string[]): Promise<Answer> {
  const child = space.spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...unpackedEnvironment() },
  });
  const [out, err] = [child.stdout, child.stderr].map(async (stream) => {
    let text = "";
    for await (const chunk of stream ?? []) text += chunk;
    return text;
  });
  await once(child, "close");
  return { code: child.exitCode, out: (await out) ?? "", err: (await err) ?? "" };
}

const cluster = (space: Namespace, ...args: readonly string[]) => node(space, EVERBOOT, "cluster", ...args);

function server(number: number): LabServer {
  const found = net.servers[number - 1];
  assert.ok(found);
  return found;
}

const state = (name: string) => join(folder, name);
const urlOf = (address: string) => `http://${address}:2379`;
const urls = () => [...net.servers.map(({ address }) => urlOf(address)), urlOf(WITNESS)];
/** `init`, `join` or `recover` on a server, with its own folder. */
const act = ({ name, space }: LabServer, action: string, ...more: readonly string[]) =>
  cluster(space, action, "-c", site, "--state", state(name), ...more);
const key = () => ["--key", join(state("server1"), "cluster.key")];

/** Its log is `<name>.log`. Resolves when it has said its first line. */
async function start(name: string, space: Namespace, args: readonly string[]): Promise<void> {
  const log = openSync(state(`${name}.log`), "a");
  const child = space.spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...args], {
    stdio: ["ignore", "pipe", log],
    env: { ...process.env, ...unpackedEnvironment() },
  });
  closeSync(log);
  members.set(name, child);
  const ended = once(child, "exit").then(() => assert.fail(`${name} did not start: ${logOf(name)}`));
  ended.catch(() => undefined);
  if (child.stdout) await Promise.race([once(child.stdout, "data"), ended]);
}

const run = ({ name, space }: LabServer) => start(name, space, [MEMBER, "run", state(name), ...urls()]);
const runWitness = () =>
  start("witness", net.client, [EVERBOOT, "cluster", "witness", "-c", witnessSite, "--state", state("witness")]);

async function end(name: string, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  const child = members.get(name);
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
}

const logOf = (name: string) => readFileSync(state(`${name}.log`), "utf8").slice(-3000);

async function until(what: string, look: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!(await look())) {
    if (performance.now() > deadline) assert.fail(`never: ${what}\n${[...members.keys()].map(logOf).join("\n")}`);
    await delay(200);
  }
}

/** As `cluster status` shows it: state by name. */
async function survey(from: LabServer, file = site): Promise<Map<string, string>> {
  const { out } = await cluster(from.space, "status", "--json", "-c", file, "--state", state(from.name));
  const { etcd } = JSON.parse(out) as { readonly etcd: readonly SurveyedMember[] };
  return new Map(etcd.map(({ name, state }) => [name, state]));
}

function voters(states: ReadonlyMap<string, string>): string[] {
  return [...states].flatMap(([name, state]) => (state === "leader" || state === "follower" ? name : []));
}

async function untilVoters(from: LabServer, names: readonly string[], file = site): Promise<void> {
  await until(`${names} have votes`, async () => voters(await survey(from, file)).join() === names.join());
}

function writeSite(name: string, etcd: readonly string[]): string {
  const servers = net.servers.map(({ name, address, floating }) => [name, { address, floating, interface: "lan" }]);
  const subnets = [{ cidr: "10.77.0.0/24", router: "10.77.0.254", domain: "lab.example" }];
  const path = join(folder, name);
  const empty = { trees: {}, profiles: {}, hosts: {} };
  writeFileSync(
    path,
    stringify({ site: "lab", subnets, servers: Object.fromEntries(servers), state: { etcd }, ...empty }),
  );
  return path;
}

before(async () => {
  if (skip) return;
  net = await ServersLab.open("cm", 3);
  folder = mkdtempSync(join(tmpdir(), "everboot-cm-"));
  const own = net.servers.map(({ address }) => urlOf(address));
  site = writeSite("site.yaml", own);
  witnessSite = writeSite("witness.yaml", [...own, urlOf(WITNESS)]);
});

after(async () => {
  if (skip) return;
  for (const name of members.keys()) await end(name, "SIGKILL");
  await net.close();
  rmSync(folder, { recursive: true, force: true });
});

test("init on one server, join on the others: three members with a vote", { skip, timeout: 120_000 }, async () => {
  const first = await act(server(1), "init");
  assert.equal(first.code, 0, first.err);
  assert.match(first.out, /server1: member of etcd at http:\/\/10\.77\.0\.11:2379 will start together with the others/);
  assert.match(first.out, /next, on server2, server3: everboot cluster join --key FILE/);
  const again = await act(server(1), "init");
  assert.match(again.out, /is set up already\nkept .*cluster\.key/);

  const keyless = await act(server(2), "join");
  assert.deepEqual([keyless.code, keyless.out], [2, ""]);
  assert.match(keyless.err, /--key FILE/);
  for (const each of [server(2), server(3)]) assert.equal((await act(each, "join", ...key())).code, 0);

  for (const each of net.servers) await run(each);
  await untilVoters(server(1), ["server1", "server2", "server3"]);
  assert.match((await act(server(2), "join", ...key())).out, /answers already/);
  assert.equal((await node(server(2).space, MEMBER, "put", "word", "kept", ...urls())).code, 0);
});

test("a daemon that is killed and started again at once has its member back", { skip, timeout: 120_000 }, async () => {
  await end("server1", "SIGKILL");
  await run(server(1));
  await untilVoters(server(2), ["server1", "server2", "server3"]);
  assert.match(
    (await act(server(1), "recover", "--yes")).err,
    /another daemon .* already uses .*server1: stop it first/,
  );
});

test("a witness comes into the cluster that runs, goes, and comes again", { skip, timeout: 180_000 }, async () => {
  const witness = `witness-${WITNESS}`;
  const all = ["server1", "server2", "server3", witness];
  for (const life of [1, 2]) {
    await runWitness();
    await untilVoters(server(1), all, witnessSite);
    // With one member of four dead it takes part in the quorum.
    await end("server3", "SIGKILL");
    // The one that died may have led: there is an election first.
    const put = () => node(net.client, MEMBER, "put", "life", `${life}`, ...urls());
    await until("the others take writes", async () => (await put()).code === 0);
    const refused = await cluster(net.client, "remove", "server3", "-c", witnessSite, "--state", state("witness"));
    assert.match(refused.err, /no daemon answers at/);
    await run(server(3));
    await untilVoters(server(1), all, witnessSite);
    const removed = await cluster(net.client, "remove", witness, "-c", witnessSite, "--state", state("witness"));
    assert.equal(removed.code, 0, removed.err);
    assert.match(removed.out, /witness-10\.77\.0\.100 is no member of etcd any more\nnext: take it out of `state`/);
    await until("it knows", () => logOf("witness").split("was removed from its cluster").length > life);
    await end("witness");
  }
  assert.equal((await survey(server(1), witnessSite)).get(witness), "unlisted");
});

test("two of three are lost: the third goes on alone with its data, and they come back one by one", {
  skip,
  timeout: 240_000,
}, async () => {
  for (const name of ["server2", "server3"]) {
    net.signal(server(Number(name.at(-1))), "SIGKILL");
    await end(name, "SIGKILL");
  }
  const doubtful = await act(server(1), "recover");
  assert.equal(doubtful.code, 2);
  assert.match(doubtful.err, /must be dead and stay so[\s\S]*run it again with --yes/);
  await end("server1");
  const recovered = await act(server(1), "recover", "--yes");
  assert.equal(recovered.code, 0, recovered.err);
  await run(server(1));
  await until("server1 leads", async () => (await survey(server(1))).get("server1") === "leader");
  assert.equal((await node(server(1).space, MEMBER, "get", "word", ...urls())).out, "kept\n");

  for (const [each, names] of [
    [server(2), ["server1", "server2"]],
    [server(3), ["server1", "server2", "server3"]],
  ] as const) {
    assert.match((await act(each, "join")).out, /comes into the cluster that runs/);
    await run(each);
    await untilVoters(server(1), names);
  }
  assert.equal((await node(server(3).space, MEMBER, "get", "word", urlOf(server(3).address))).out, "kept\n");
});
