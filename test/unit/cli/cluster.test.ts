import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ADDRESSES, type Answer, clientUrl, createWorld, peerUrl } from "./cluster-world.ts";

const SITE = ["-c", "site.yaml"];
const on = (name: string) => [...SITE, "--server", name, "--state", name];

test("init: the key for root alone, the member of etcd, what to do next; and the same again", async (t) => {
  const { folder, out, run } = createWorld(t);
  assert.equal(await run("init", ...on("server1")), 0);
  const path = join(folder, "server1/cluster.key");
  const next = [
    "next, on server2, server3: everboot cluster join --key FILE, with a copy of cluster.key and the same site file",
    "then everboot up on each server",
  ];
  assert.deepEqual(out, [
    `server1: member of etcd at ${clientUrl(ADDRESSES[0])} will start together with the others`,
    `made ${path}, the secret that the servers of lab share`,
    ...next,
  ]);
  const key = readFileSync(path, "utf8");
  assert.match(key, /^[0-9a-f]{64}\n$/);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const file = join(folder, "server1/etcd/member.json");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(JSON.parse(readFileSync(file, "utf8")), {
    ...{ name: "server1", clientUrl: clientUrl(ADDRESSES[0]), peerUrl: peerUrl(ADDRESSES[0]), cluster: "new" },
    members: Object.fromEntries(ADDRESSES.map((address, place) => [`server${place + 1}`, peerUrl(address)])),
  });

  assert.equal(await run("init", ...on("server1")), 0);
  assert.deepEqual(out, [
    `server1: member of etcd at ${clientUrl(ADDRESSES[0])} is set up already`,
    `kept ${path}, the secret that the servers of lab share`,
    ...next,
  ]);
  assert.equal(readFileSync(path, "utf8"), key);
});

test("join takes the key of the others, and no second one", async (t) => {
  const { folder, out, run } = createWorld(t);
  const join2 = (...more: readonly string[]) => run("join", ...on("server2"), ...more);
  await assert.rejects(join2(), { code: "usage", message: /--key FILE/ });
  await assert.rejects(join2("--key", "missing"), {
    code: "usage",
    message: /missing: no such file: copy cluster\.key/,
  });
  writeFileSync(join(folder, "bad"), "0123\n");
  await assert.rejects(join2("--key", "bad"), { code: "state-broken", message: /not 32 bytes as hex/ });
  const key = `${"5a".repeat(32)}\n`;
  writeFileSync(join(folder, "good"), key);
  assert.equal(await join2("--key", "good"), 0);
  assert.deepEqual(out, [
    `server2: member of etcd at ${clientUrl(ADDRESSES[1])} will start together with the others`,
    "next: everboot up, with the site file that the others have",
  ]);
  assert.equal(readFileSync(join(folder, "server2/cluster.key"), "utf8"), key);
  assert.equal(await join2(), 0, "the key is here already");
  writeFileSync(join(folder, "other"), "00".repeat(32));
  await assert.rejects(join2("--key", "other"), { code: "cluster-refused", message: /is another key than/ });
});

const addressOf = (id: number) => ADDRESSES[id - 1] ?? ADDRESSES[0];

/** A member that the others are told by; changes are kept in `calls`. */
function gateway(ids: readonly number[], calls: string[] = []): Answer {
  const members = ids.map((id) => ({
    ...{ ID: `${id}`, name: `server${id}` },
    ...{ peerURLs: [peerUrl(addressOf(id))], clientURLs: [clientUrl(addressOf(id))] },
  }));
  return ({ path, body }) => {
    if (path === "/v3/cluster/member/list") return { members };
    if (path === "/v3/maintenance/status") return { header: { member_id: "1" }, leader: "1" };
    calls.push(`${path} ${body}`);
    return {};
  };
}

test("init does not found a second cluster", async (t) => {
  const { run, etcd } = createWorld(t);
  await etcd(ADDRESSES[0], gateway([1, 2]));
  await assert.rejects(run("init", ...on("server3")), {
    code: "cluster-refused",
    message: /the etcd of this site runs already .*: run `everboot cluster join --key FILE` here/,
  });
});

const server = (name: string, more: object = {}) => ({ name, alive: true, ...more });
const REPORT = { server: "server1", state: { state: "current", position: 12, outbox: 0 } };

test("drain: waits until no address and no install is left, and tells how far it is", async (t) => {
  const { out, err, run, daemon } = createWorld(t);
  const asked: string[] = [];
  const left = [{ installs: 2, heldBy: "server2" }, { installs: 1, heldBy: "server1" }, { installs: 0 }];
  await daemon(({ method, path, body }) => {
    if (method === "POST") {
      asked.push(`${path} ${body}`);
      return {};
    }
    const now = asked.length === 0 ? { heldBy: "server2" } : { draining: true, ...left[0] };
    if (asked.length > 0 && left.length > 1) left.shift();
    return { ...REPORT, servers: [server("server1"), server("server2", { floating: "10.0.0.9", ...now })] };
  });
  const drain = (...args: readonly string[]) => run("drain", "--state", "state", ...args);
  assert.equal(await drain("server2"), 0);
  assert.deepEqual(asked, ['/api/v1/cluster/drain {"server":"server2","draining":true}']);
  assert.deepEqual(out, [
    "server2: holds 10.0.0.9; 2 installs go on",
    "server2: 1 install goes on",
    "server2 is drained: it holds no address, and no install is left there",
  ]);
  assert.equal(await drain("server2", "--back"), 0);
  assert.deepEqual(out, ["server2 is in service: it takes its address home once it is well for a while"]);
  assert.equal(asked[1], '/api/v1/cluster/drain {"server":"server2","draining":false}');
  left.unshift({ installs: 2, heldBy: "server2" }, { installs: 2, heldBy: "server2" });
  assert.equal(await drain("server2", "--timeout", "0.000001"), 1);
  assert.deepEqual(err, ["server2 is not empty yet, and goes on draining: see everboot cluster status"]);
  await assert.rejects(drain("server7"), { code: "usage", message: /drain NAME, with one of server1, server2/ });
  await assert.rejects(drain("server2", "--timeout", "soon"), { code: "usage", message: /--timeout soon/ });
});

test("the last server in service is not drained", async (t) => {
  const { run, daemon } = createWorld(t);
  const others = [server("server2", { alive: false }), server("server3", { draining: true })];
  await daemon(() => ({ ...REPORT, servers: [server("server1"), ...others] }));
  await assert.rejects(run("drain", "server1", "--state", "state"), {
    code: "cluster-refused",
    message:
      "no other server than server1 is alive and in service: repair one, or put one back into service with --back",
  });
});

test("remove: a server that serves stays, a drained one goes; said again it is well", async (t) => {
  const { out, run, daemon, etcd } = createWorld(t);
  const calls: string[] = [];
  let ids = [1, 2, 3];
  await etcd(ADDRESSES[0], (call) => gateway(ids, calls)(call));
  await etcd(ADDRESSES[1], (call) =>
    call.path.endsWith("status") ? { header: { member_id: "2" }, leader: "1" } : undefined,
  );
  let draining = false;
  await daemon(() => ({ ...REPORT, servers: [server("server1"), server("server2"), server("server3", { draining })] }));
  const remove = () => run("remove", "server3", ...SITE, "--state", "state");
  await assert.rejects(remove(), {
    code: "cluster-refused",
    message: "server3 is alive and in service: run `everboot cluster drain server3` first",
  });
  assert.deepEqual(calls, []);
  draining = true;
  assert.equal(await remove(), 0);
  assert.deepEqual(calls, ['/v3/cluster/member/remove {"ID":"3"}']);
  const next = "next: take it out of `servers` and `state` in the site file, and run everboot apply";
  assert.deepEqual(out, ["server3 is no member of etcd any more", next]);
  ids = [1, 2];
  assert.equal(await remove(), 0);
  assert.deepEqual(out, ["server3 is no member of etcd", next]);
});

test("remove: not when the others would have no majority that lives", async (t) => {
  const { run, daemon, etcd } = createWorld(t);
  await etcd(ADDRESSES[0], gateway([1, 2, 3]));
  await daemon(() => ({ ...REPORT, servers: [server("server1", { draining: true })] }));
  await assert.rejects(run("remove", "server1", ...SITE, "--state", "state"), {
    code: "cluster-refused",
    message: /server1 stays: of the 2 members left 0 would be alive, and 2 must be: repair or remove a dead one first/,
  });
});

test("recover: not without --yes, not without data, not while a member answers", async (t) => {
  const { folder, run, etcd } = createWorld(t);
  const recover = (...more: readonly string[]) => run("recover", ...on("server1"), ...more);
  await assert.rejects(recover(), { code: "usage", message: /what only the lost members had is lost.*--yes/ });
  await assert.rejects(recover("--yes"), { code: "cluster-refused", message: /holds no member of etcd with data/ });
  await run("init", ...on("server1"));
  mkdirSync(join(folder, "server1/etcd/data/member"), { recursive: true });
  await etcd(ADDRESSES[2], () => undefined);
  await assert.rejects(recover("--yes"), {
    code: "cluster-refused",
    message: /etcd answers at http:[^ ]*3:23790: start the daemon here, which may bring the quorum back/,
  });
});

test("recover --sole: one server of a pair goes on alone, by the operator's word", async (t) => {
  const { folder, out, run, etcd } = createWorld(t);
  const sole = (...more: readonly string[]) => run("recover", "--sole", ...on("server1"), ...more);
  await assert.rejects(sole("--yes"), { code: "usage", message: /--sole is for two servers with two members of etcd/ });
  const three = readFileSync(join(folder, "site.yaml"), "utf8");
  const withoutThird = three.replace(/ {2}server3:\n.*\n/, "").replace(`    - ${clientUrl(ADDRESSES[2])}\n`, "");
  writeFileSync(join(folder, "site.yaml"), withoutThird);
  await assert.rejects(sole(), { code: "usage", message: /run it again with --yes/ });
  assert.equal(await sole("--yes"), 0);
  assert.equal(readFileSync(join(folder, "server1/pair"), "utf8"), "sole\n");
  assert.equal(out[0], "server1 goes on alone, with all that it knows");
  await etcd(ADDRESSES[1], () => undefined);
  await assert.rejects(sole("--yes"), { code: "cluster-refused", message: /etcd answers at http:[^ ]*\.2:/ });
});

test("what is no action, and a site that shares nothing", async (t) => {
  const { folder, run } = createWorld(t);
  await assert.rejects(run("drift"), { code: "usage", message: /init\|join\|witness\|status\|drain\|remove\|recover/ });
  writeFileSync(
    join(folder, "one.yaml"),
    readFileSync(join(folder, "site.yaml"), "utf8").replace(/ {2}server2:[\s\S]*(?=state:)/, ""),
  );
  await assert.rejects(run("init", "-c", "one.yaml", "--state", "one"), { code: "usage", message: /has no cluster/ });
});
