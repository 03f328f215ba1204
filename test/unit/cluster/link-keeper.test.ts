/** Several servers that follow each other's switches, over one store, without disks: a link is a variable. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { systemClock } from "../../../src/base/clock.ts";
import { EverbootError } from "../../../src/base/errors.ts";
import { type CurrentVersions, openCurrentVersions } from "../../../src/cluster/current-versions.ts";
import { LinkKeeper } from "../../../src/cluster/link-keeper.ts";
import { createMemoryStore } from "../../../src/store/memory.ts";
import type { Store } from "../../../src/store/store.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { keepingLog } from "../../support/tree-peers.ts";

const TREE = "debian-12";
const ended = new AbortController();
after(() => ended.abort());

class Machine {
  link: string | undefined;
  damaged = false;
  readonly lines: string[] = [];
  readonly clock = createFakeClock();
  pokes = 0;
  private readonly local: Store = createMemoryStore();
  private readonly name: string;
  private readonly shared: Store;
  private current: CurrentVersions | undefined;
  private keeper: LinkKeeper | undefined;

  constructor(name: string, shared: Store, link?: string) {
    this.name = name;
    this.shared = shared;
    this.link = link;
  }

  /** Also again, as after a crash: what was in memory alone is lost. */
  async start(): Promise<void> {
    const { name: server, clock, local, shared: store } = this;
    this.current = await openCurrentVersions({ store, following: { signal: ended.signal, clock: systemClock } });
    this.keeper = new LinkKeeper({
      ...{ server, current: this.current, local, clock, log: keepingLog(this.lines) },
      poke: () => void this.pokes++,
      kept: () => undefined,
    });
  }

  get said(): string | undefined {
    return this.current?.of(TREE)?.version;
  }

  /** What the replica does in a round, once it has every version; `crash`: it dies before or after the switch. */
  async round(crash?: "before" | "after"): Promise<void> {
    await this.hear();
    const target = await this.keeper?.judge(TREE, this.link, async () => !this.damaged);
    if (target === undefined || target === this.link) return;
    await this.keeper?.switching(TREE, this.link, target);
    if (crash !== "before") this.link = target;
    if (crash === undefined) await this.keeper?.switched({ name: TREE, path: "/none", keep: [] }, target);
    else await this.start();
  }

  /** Until the watch has told what is in the store. */
  private async hear(): Promise<void> {
    const entry = await this.shared.get(`tree-version/${TREE}`);
    while (JSON.stringify(this.current?.of(TREE)) !== entry?.value) await setImmediate();
  }
}

async function started(...machines: Machine[]): Promise<void> {
  for (const machine of machines) await machine.start();
}

test("the first server that has a version says it; one that comes with another one follows, and says so in its log", async () => {
  const store = createMemoryStore();
  const [a, b, c] = [new Machine("a", store, "v1"), new Machine("b", store, "v2"), new Machine("c", store)];
  await started(a, b, c);
  for (const each of [a, b, c]) await each.round();
  assert.deepEqual([a.link, b.link, c.link], ["v1", "v1", "v1"]);
  assert.equal(b.lines.length, 1);
  assert.match(b.lines[0] ?? "", /came with a version that is not the cluster's/);
});

test("a switch at one server is followed by all, also by one that was away meanwhile", async () => {
  const store = createMemoryStore();
  const [a, b, c] = [new Machine("a", store, "v1"), new Machine("b", store), new Machine("c", store)];
  await started(a, b, c);
  for (const each of [a, b, c]) await each.round();
  b.link = "v2";
  for (const each of [b, a]) await each.round();
  assert.deepEqual([a.link, b.link, c.link], ["v2", "v2", "v1"]);
  // An operator switches at the one that was away, before it has heard anything.
  a.link = "v3";
  await a.round();
  await c.round();
  await b.round();
  assert.deepEqual([a.link, b.link, c.link], ["v3", "v3", "v3"]);
});

test("who switches back to the version before, right after it was followed, does so on purpose", async () => {
  const store = createMemoryStore();
  const [a, b] = [new Machine("a", store, "v1"), new Machine("b", store)];
  await started(a, b);
  for (const each of [a, b]) await each.round();
  a.link = "v2";
  for (const each of [a, b]) await each.round();
  assert.equal(b.link, "v2");
  b.link = "v1";
  for (const each of [b, a]) await each.round();
  assert.deepEqual([a.link, b.link], ["v1", "v1"]);
});

test("an import at a server that has nothing yet is its operator's word", async () => {
  const store = createMemoryStore();
  const [a, b] = [new Machine("a", store, "v1"), new Machine("b", store)];
  await started(a, b);
  await a.round();
  // It has looked, and begun to fetch.
  await b.round("before");
  b.link = "v9";
  await b.round();
  await a.round();
  assert.deepEqual([a.link, b.link], ["v9", "v9"]);
});

test("a damaged version is not said", async () => {
  const store = createMemoryStore();
  const a = new Machine("a", store, "v1");
  await a.start();
  a.damaged = true;
  await a.round();
  assert.equal(a.said, undefined);
  a.damaged = false;
  await a.round();
  assert.equal(a.said, "v1");
});

test("what cannot be said now is said again, and told once", async () => {
  const memory = createMemoryStore();
  const cluster: { isAway: boolean } = { isAway: true };
  const store: Store = {
    ...memory,
    commit: async (change) => {
      if (cluster.isAway) throw new EverbootError("store-unavailable");
      return memory.commit(change);
    },
  };
  const a = new Machine("a", store, "v1");
  await a.start();
  await a.round();
  await a.round();
  assert.deepEqual([a.said, a.lines.length], [undefined, 1]);
  assert.match(a.lines[0] ?? "", /when the cluster can be reached/);
  const before = a.pokes;
  a.clock.advance(2000);
  assert.ok(a.pokes > before, "it is looked at again");
  cluster.isAway = false;
  await a.round();
  assert.equal(a.said, "v1");
});

const step = fc.oneof(
  fc.record({
    kind: fc.constant("round" as const),
    at: fc.nat(2),
    crash: fc.constantFrom(undefined, "before" as const, "after" as const),
  }),
  fc.record({ kind: fc.constant("switch" as const), at: fc.nat(2), to: fc.constantFrom("v1", "v2", "v3") }),
);

test("whatever happens in between, all come to serve what the last operator switched to that was heard of", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const store = createMemoryStore();
      const machines = ["a", "b", "c"].map((name) => new Machine(name, store));
      await started(...machines);
      let last: string | undefined;
      for (const each of steps) {
        const machine = machines[each.at];
        assert.ok(machine);
        if (each.kind === "round") await machine.round(each.crash);
        else {
          machine.link = each.to;
          await machine.round();
          // The operator's daemon was told at once; one that had never looked comes with something of its own.
          last = machine.said;
        }
      }
      for (let again = 0; again < 3; again++) for (const machine of machines) await machine.round();
      assert.deepEqual(
        machines.map(({ link }) => link),
        [last, last, last],
      );
    }),
    { numRuns: 200 },
  );
});
