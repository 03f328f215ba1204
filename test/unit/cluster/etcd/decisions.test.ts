/** How a machine comes into etcd, whether a member may go, and what is told of the members. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decideEnrolment, type Found } from "../../../../src/cluster/etcd/enrolment.ts";
import type { EtcdMember } from "../../../../src/cluster/etcd/membership.ts";
import { removalProblem } from "../../../../src/cluster/etcd/removal.ts";
import { describeEtcd } from "../../../../src/cluster/etcd/survey.ts";

const PEER = "http://10.0.0.1:2380";

function member(id: number, more: Partial<EtcdMember> = {}): EtcdMember {
  return {
    ...{ id: `${id}`, name: `m${id}`, isLearner: false },
    ...{ peerUrls: [`http://10.0.0.${id}:2380`], clientUrls: [`http://10.0.0.${id}:2379`] },
    ...more,
  };
}

const OTHERS = [member(2), member(3)];
const NOTHING: Found = { peerUrl: PEER, answersHere: false, hasData: false, hasMemberFile: false };
const UNSTARTED = member(1, { clientUrls: [] });
const ADDED = member(1, { clientUrls: [], name: "", isLearner: true });

test("how a machine comes into etcd", () => {
  const cases: ReadonlyArray<readonly [string, Partial<Found>, ReturnType<typeof decideEnrolment>]> = [
    ["nobody answers, the first time", {}, { kind: "bootstrap" }],
    ["nobody answers, said again", { hasMemberFile: true }, { kind: "ready" }],
    ["it answers, and knows no leader yet", { answersHere: true, hasMemberFile: true }, { kind: "runs" }],
    ["somebody else runs it", { answersHere: true, members: [member(1), ...OTHERS] }, { kind: "runs" }],
    ["the cluster runs without it", { members: OTHERS }, { kind: "add" }],
    ["it was removed", { members: OTHERS, hasData: true, hasMemberFile: true }, { kind: "add" }],
    ["a member of another cluster runs", { members: OTHERS, answersHere: true }, { kind: "stranger" }],
    ["the others were quicker", { members: [UNSTARTED, ...OTHERS] }, { kind: "adopt", hasForeignData: false }],
    ["quicker, and said again", { members: [UNSTARTED, ...OTHERS], hasMemberFile: true }, { kind: "ready" }],
    [
      "it broke off when it was voting for the first time",
      { members: [UNSTARTED, ...OTHERS], hasData: true, hasMemberFile: true },
      { kind: "ready" },
    ],
    ["it was added, and this broke off", { members: [ADDED, ...OTHERS] }, { kind: "adopt", hasForeignData: false }],
    [
      "it was added by hand after it had been removed",
      { members: [ADDED, ...OTHERS], hasData: true, hasMemberFile: true },
      { kind: "adopt", hasForeignData: true },
    ],
    ["its disk is new", { members: [member(1), ...OTHERS], hasMemberFile: true }, { kind: "replace", id: "1" }],
    [
      "its machine was down",
      { members: [member(1), ...OTHERS], hasData: true, hasMemberFile: true },
      { kind: "ready" },
    ],
    [
      "an etcd of the init system is taken over with its data",
      { members: [member(1), ...OTHERS], hasData: true },
      { kind: "adopt", hasForeignData: false },
    ],
  ];
  for (const [what, found, expected] of cases)
    assert.deepEqual(decideEnrolment({ ...NOTHING, ...found }), expected, what);
});

const THREE = [member(1), ...OTHERS];
const alive = (...ids: readonly number[]) => new Set(ids.map(String));

test("a member may go as long as a majority of the others is alive", () => {
  assert.equal(removalProblem(THREE, alive(1, 2, 3), member(1)), undefined);
  assert.equal(removalProblem(THREE, alive(1, 2), member(3)), undefined, "the dead one");
  assert.match(removalProblem(THREE, alive(1, 2), member(1))?.what ?? "", /of the 2 members left 1 would be alive/);
  assert.match(removalProblem([member(1)], alive(1), member(1))?.what ?? "", /the last member/);
  assert.match(removalProblem([member(1), ADDED], alive(1), member(1))?.what ?? "", /the last member/, "no vote");
  assert.equal(removalProblem([ADDED, member(2)], alive(), ADDED), undefined, "it has no vote to lose");
});

const place = (id: number) => ({
  ...{ name: `server${id}`, isServer: true, canRun: true },
  ...{ clientUrl: `http://10.0.0.${id}:2379`, peerUrl: `http://10.0.0.${id}:2380` },
});

test("members of the site file and of the cluster, and how each is", () => {
  const listed = [member(1), member(2, { isLearner: true }), member(4), member(5, { clientUrls: [], name: "" })];
  const statuses = new Map([
    ["http://10.0.0.1:2379", { id: "1", leader: "1" }],
    ["http://10.0.0.2:2379", { id: "2", leader: "1" }],
    ["http://10.0.0.3:2379", undefined],
    ["http://10.0.0.4:2379", { id: "0" }],
  ]);
  const survey = describeEtcd([place(1), place(2), place(3)], listed, statuses);
  assert.deepEqual(
    survey.members.map(({ name, url, state }) => `${name} ${url} ${state}`),
    [
      "server1 http://10.0.0.1:2379 leader",
      "server2 http://10.0.0.2:2379 learner",
      "server3 http://10.0.0.3:2379 unlisted",
      "m4 http://10.0.0.4:2379 leaderless",
      "5 http://10.0.0.5:2380 silent",
    ],
  );
  assert.deepEqual(survey.alive, alive(1, 2));
});

test("without a quorum nobody is unlisted: it cannot be told", () => {
  const statuses = new Map([["http://10.0.0.1:2379", { id: "0" }]]);
  const { members, listed } = describeEtcd([place(1), place(2)], undefined, statuses);
  assert.deepEqual(
    members.map(({ state }) => state),
    ["leaderless", "silent"],
  );
  assert.equal(listed, undefined);
});
