import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { test } from "node:test";
import type { Ipv4 } from "../../../src/base/address.ts";
import { clusterText, etcdText, isWell } from "../../../src/cli/cluster-status.ts";
import type { SurveyedMember } from "../../../src/cluster/etcd/survey.ts";
import { ADDRESSES, clientUrl, createWorld } from "./cluster-world.ts";

const ONE = { name: "one", alive: true, floating: "10.0.0.1" as Ipv4, heldBy: "one" };
const TWO = { name: "two", alive: true, floating: "10.0.0.2" as Ipv4, heldBy: "two" };
const CURRENT = { state: "current", position: 12, outbox: 0 };
const LEADER: SurveyedMember = { name: "one", url: "http://10.0.0.11:2379", state: "leader" };

test("who is there, who holds what, what each serves by, and how far this server's copy is", () => {
  const { heldBy: _nobody, ...dead } = { ...TWO, alive: false };
  const away = { state: "away", position: 12, outbox: 1, trouble: "no quorum", pair: "waiting" as const };
  const site = { number: 4, revision: "bb", trouble: "line 3" };
  const servers = [
    { ...ONE, serves: { revision: "aa", number: 3 } },
    dead,
    { name: "three", alive: true, draining: true, installs: 2, serves: { revision: "bb", number: 4 } },
    { name: "four", alive: true, draining: true, serves: { revision: "0123456789" } },
  ];
  assert.deepEqual(clusterText({ server: "one", servers, troubles: ["the disk is full"], state: away, site }), [
    "SERVER                                     FLOATING  HELD BY  SITE FILE",
    "one     this one                           10.0.0.1  one      3 of 4",
    "two     not heard                          10.0.0.2  nobody   -",
    "three   alive, draining: 2 installs go on  -         -        4",
    "four    alive, drained                     -         -        01234567 of 4",
    "one: the disk is full",
    "site file 4 is not served here: line 3",
    "common state: away (no quorum), revision 12, 1 fact waits to be told to the cluster",
    "pair: the other server may have gone on alone: nothing is installed from here until both agree",
  ]);
});

test("the members of etcd", () => {
  const silent: SurveyedMember = { name: "witness-10.0.0.13", url: "http://10.0.0.13:2379", state: "silent" };
  assert.deepEqual(etcdText([LEADER, silent]), [
    "ETCD",
    "one                http://10.0.0.11:2379  leads",
    "witness-10.0.0.13  http://10.0.0.13:2379  does not answer",
  ]);
});

test("it is well when all live and serve the same, each holds its own address, nothing waits, and etcd is whole", () => {
  const report = { server: "one", servers: [ONE, TWO], troubles: [], state: CURRENT };
  const lists = (...servers: ReadonlyArray<typeof ONE & { readonly draining?: boolean }>) => ({ ...report, servers });
  const serving = (number: number, revision: string) => ({
    ...report,
    site: { number: 4, revision: "bb" },
    servers: [{ ...ONE, serves: { number, revision } }, TWO],
  });
  assert.equal(isWell(report, [LEADER]), true);
  assert.equal(isWell(lists(ONE, { ...TWO, heldBy: "one" }), [LEADER]), false);
  assert.equal(isWell(lists(ONE, { ...TWO, heldBy: "one", draining: true }), [LEADER]), true);
  assert.equal(isWell(lists(ONE, { ...TWO, alive: false }), [LEADER]), false);
  assert.equal(isWell({ ...report, state: { ...CURRENT, outbox: 1 } }, [LEADER]), false);
  assert.equal(isWell({ ...report, state: { ...CURRENT, state: "away" } }, [LEADER]), false);
  assert.equal(isWell({ ...report, troubles: ["the disk is full"] }, [LEADER]), false);
  assert.equal(isWell(serving(4, "bb"), [LEADER]), true);
  assert.equal(isWell(serving(3, "aa"), [LEADER]), false);
  assert.equal(isWell(report, [{ ...LEADER, state: "learner" }]), false);
});

test("etcd's members are those of the site that the daemon serves by; without a daemon those of the file", async (t) => {
  const { folder, out, run, daemon, etcd } = createWorld(t);
  await etcd(ADDRESSES[0], ({ path }) =>
    path.endsWith("list")
      ? { members: [{ ID: "1", name: "server1", clientURLs: [clientUrl(ADDRESSES[0])] }] }
      : { header: { member_id: "1" }, leader: "1" },
  );
  const etcdLines = [
    "ETCD",
    `server1  ${clientUrl(ADDRESSES[0])}  leads`,
    `server2  ${clientUrl(ADDRESSES[1])}  is no member: everboot cluster join`,
    `server3  ${clientUrl(ADDRESSES[2])}  is no member: everboot cluster join`,
  ];
  await assert.rejects(run("status", "--state", "state"), { code: "daemon-absent" });
  assert.deepEqual(out, etcdLines);

  const text = readFileSync(`${folder}/site.yaml`, "utf8");
  rmSync(`${folder}/site.yaml`);
  await daemon(({ path }) =>
    path.endsWith("site") ? { text } : { server: "one", servers: [ONE], troubles: [], state: CURRENT },
  );
  assert.equal(await run("status", "--state", "state"), 1);
  assert.deepEqual(out.slice(-4), etcdLines);
  assert.equal(await run("status", "--state", "state", "--json"), 1);
  assert.equal(JSON.parse(out[0] ?? "").etcd[0].state, "leader");
});
