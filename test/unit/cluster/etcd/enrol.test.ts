/** A machine comes into a cluster that runs, over a transport that answers as etcd's gateway does. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Clock, systemClock } from "../../../../src/base/clock.ts";
import { enrol } from "../../../../src/cluster/etcd/enrol.ts";
import { etcdPaths, readMemberFile } from "../../../../src/cluster/etcd/member-file.ts";
import type { EtcdPlace } from "../../../../src/cluster/etcd/places.ts";
import type { EtcdTransport } from "../../../../src/store/etcd-transport.ts";

const place = (number: number): EtcdPlace => ({
  ...{ name: `server${number}`, isServer: true, canRun: true },
  ...{ clientUrl: `http://10.0.0.${number}:2379`, peerUrl: `http://10.0.0.${number}:2380` },
});
const PLACES = [place(1), place(2), place(3)];

const UNHEALTHY = { code: 14, message: "etcdserver: unhealthy cluster" };
/** The answer of an earlier call was lost, and this is the one to the call that was sent again. */
const EXISTS = { code: 9, message: "etcdserver: Peer URLs already exists" };

/** Server 3 is away; 2 answers as a learner does, 1 judges. `refusals`: what it says against adding, one a call. */
function createGateway(refusals: ReadonlyArray<{ readonly code: number; readonly message: string }>) {
  const left = [...refusals];
  const calls: string[] = [];
  const members = [1, 2].map((id) => ({
    ...{ ID: `${id}`, name: `server${id}` },
    ...{ peerURLs: [`http://10.0.0.${id}:2380`], clientURLs: [`http://10.0.0.${id}:2379`] },
  }));
  const judge = (url: URL, body: string): readonly [number, unknown] => {
    if (url.hostname === "10.0.0.3") throw new Error("no route to host");
    if (url.hostname === "10.0.0.2") return [503, { code: 14, message: "etcdserver: rpc not supported for learner" }];
    if (url.pathname.endsWith("list")) return [200, { members }];
    calls.push(`${url.pathname} ${body}`);
    const refusal = left.shift();
    if (refusal && refusal !== EXISTS) return [400, refusal];
    members.push({ ID: "3", name: "", peerURLs: ["http://10.0.0.3:2380"], clientURLs: [] });
    return refusal ? [400, refusal] : [200, {}];
  };
  const transport: EtcdTransport = {
    async post(url, body) {
      const [status, answer] = judge(new URL(url), body);
      const text = JSON.stringify(answer);
      return {
        status,
        chunks: (async function* () {
          yield text;
        })(),
      };
    },
    close: () => undefined,
  };
  return { transport, calls };
}

/** Waits at once, in no time. */
const clock: Clock = { now: () => 0, after: (_ms, task) => systemClock.after(0, task) };
/** So does this one, and each wait is too long. */
function impatient(): Clock {
  let now = 0;
  return { now: () => (now += 8000), after: clock.after };
}

function createWorld(t: TestContext, { transport }: { readonly transport: EtcdTransport }, at = clock) {
  const state = mkdtempSync(join(tmpdir(), "everboot-enrol-"));
  t.after(() => rmSync(state, { recursive: true }));
  const endpoints = ["http://10.0.0.2:2379", "http://10.0.0.3:2379", "http://10.0.0.1:2379"];
  const options = { state, place: place(3), places: PLACES, endpoints, clock: at, pid: process.pid, transport };
  return { paths: etcdPaths(state), join: () => enrol({ ...options, founding: false }) };
}

test("it is added as a learner, when all others have been there for a while; old data are put aside", async (t) => {
  const gateway = createGateway([UNHEALTHY, UNHEALTHY]);
  const { paths, join: enter } = createWorld(t, gateway);
  mkdirSync(`${paths.data}/member`, { recursive: true });
  assert.equal(await enter(), "add");
  const call = '/v3/cluster/member/add {"peerURLs":["http://10.0.0.3:2380"],"isLearner":true}';
  assert.deepEqual(gateway.calls, [call, call, call]);
  assert.deepEqual([existsSync(paths.data), existsSync(`${paths.oldData}/member`)], [false, true]);
  assert.deepEqual(await readMemberFile(paths), {
    ...{ name: "server3", clientUrl: "http://10.0.0.3:2379", peerUrl: "http://10.0.0.3:2380", cluster: "existing" },
    members: { server1: "http://10.0.0.1:2380", server2: "http://10.0.0.2:2380", server3: "http://10.0.0.3:2380" },
  });
  assert.equal(await enter(), "ready");
  assert.equal(gateway.calls.length, 3);
});

test("a refusal is told with etcd's reason, and changes nothing here", async (t) => {
  const tooMany = { code: 9, message: "etcdserver: too many learner members in cluster" };
  const { paths, join: enter } = createWorld(t, createGateway([tooMany]));
  await assert.rejects(enter(), { code: "etcd-refused", message: /too many learner members in cluster/ });
  assert.equal(await readMemberFile(paths), undefined);

  const never = createWorld(t, createGateway(Array(9).fill(UNHEALTHY)), impatient());
  await assert.rejects(never.join(), { code: "etcd-refused", message: /unhealthy cluster/ });
});

test("a call whose answer was lost may have taken effect: the list decides", async (t) => {
  const { paths, join: enter } = createWorld(t, createGateway([EXISTS]));
  assert.equal(await enter(), "add");
  assert.equal((await readMemberFile(paths))?.cluster, "existing");
});
