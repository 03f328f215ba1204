/**
 * Law 5: over any sequence of reports, clock jumps, store failures and restarts, with two servers on one store, no
 * permit is handed out again once its installer has begun to write or has ended.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EverbootError } from "../../src/base/errors.ts";
import { openJournal } from "../../src/cluster/journal.ts";
import { openPermits, type Permits } from "../../src/cluster/permits.ts";
import { createMemoryStore } from "../../src/store/memory.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { createFlakyStore, type StoreMood } from "../support/flaky-store.ts";

const HOST = "vm1";
const MINUTE = 60_000;
const SERVERS = 2;

type Step =
  | { readonly do: "issue"; readonly replace: boolean }
  | { readonly do: "hand-out" | "cancel" | "restart" }
  /** `which`: of the permits issued so far, counted from the newest. */
  | { readonly do: "report"; readonly which: number; readonly event: "writing" | "done" | "failed" }
  | { readonly do: "jump"; readonly minutes: number }
  | { readonly do: "store"; readonly mood: StoreMood };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("issue" as const), replace: fc.boolean() }) },
  { weight: 6, arbitrary: fc.constant({ do: "hand-out" as const }) },
  { weight: 1, arbitrary: fc.constantFrom({ do: "cancel" as const }, { do: "restart" as const }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("report" as const),
      which: fc.nat(2),
      event: fc.constantFrom("writing" as const, "done" as const, "failed" as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("jump" as const), minutes: fc.integer({ min: -300, max: 300 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("store" as const),
      mood: fc.constantFrom<StoreMood>("well", "down", "unsure"),
    }),
  },
);

/** Steps come to one of the servers; those of one round run at the same time. */
const rounds = fc.array(fc.array(fc.record({ server: fc.nat(SERVERS - 1), step }), { minLength: 1, maxLength: 3 }), {
  minLength: 5,
  maxLength: 40,
});

async function createWorld() {
  const store = createFlakyStore(createMemoryStore());
  const clock = createFakeClock();
  let count = 0;
  const random = (size: number) => {
    count += 1;
    return new Uint8Array(Buffer.alloc(16, count.toString(16).padStart(32, "0"), "hex").subarray(16 - size));
  };
  const open = async () => {
    const journal = await openJournal({ store, clock });
    return await openPermits({ store, clock, journal, random });
  };
  const servers = await Promise.all(Array.from({ length: SERVERS }, open));
  const issued: Array<{ id: string; token: string; expires: number }> = [];
  /** Ids of permits that must not be handed out any more, by the servers that know. */
  const spent = new Set<string>();
  return { store, clock, open, servers, issued, spent };
}

type World = Awaited<ReturnType<typeof createWorld>>;

/** An error of the table is an answer like any other; the laws are about what is handed out. */
async function answerOf<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    assert.ok(error instanceof EverbootError, String(error));
    return undefined;
  }
}

async function take(world: World, place: number, step: Step): Promise<void> {
  const { clock, store, servers, issued, spent } = world;
  const permits = servers[place] as Permits;
  switch (step.do) {
    case "issue": {
      const permit = await answerOf(permits.issue(HOST, { replace: step.replace }));
      if (permit !== undefined) issued.unshift(permit);
      return;
    }
    case "hand-out": {
      const spentBefore = new Set(spent);
      const before = clock.now();
      const handed = await permits.handOut(HOST);
      if (handed.kind === "none") return;
      assert.ok(!spentBefore.has(handed.permit.id), `permit ${handed.permit.id} was handed out again`);
      // The clock may have jumped on while the permit was on its way.
      assert.ok(handed.permit.expires > Math.min(before, clock.now()));
      return;
    }
    case "report": {
      const permit = issued[step.which];
      const after = permit && (await answerOf(permits.advance(permit.token, step.event)));
      if (after !== undefined) spent.add(after.id);
      return;
    }
    case "cancel": {
      const permit = await answerOf(permits.cancel(HOST));
      if (permit !== undefined) spent.add(permit.id);
      return;
    }
    case "jump":
      return clock.jump(step.minutes * MINUTE);
    case "store":
      store.mood = step.mood;
      return;
    case "restart":
      servers[place] = await world.open();
  }
}

test("a permit whose machine has begun to write is never handed out again", async () => {
  await fc.assert(
    fc.asyncProperty(rounds, async (schedule) => {
      const world = await createWorld();
      for (const round of schedule) {
        await Promise.all(round.map(({ server, step }) => take(world, server, step)));
      }
    }),
    { numRuns: 500 },
  );
});

test("a server that could not store a report keeps its permit back until it has", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("writing" as const, "done" as const, "failed" as const),
      fc.constantFrom<StoreMood>("down", "unsure"),
      fc.array(fc.constantFrom<StoreMood>("well", "down", "unsure"), { maxLength: 6 }),
      async (event, mood, moods) => {
        const { store, servers } = await createWorld();
        const [permits] = servers as [Permits];
        const { token } = await permits.issue(HOST);
        store.mood = mood;
        await answerOf(permits.advance(token, event));
        for (const next of moods) {
          store.mood = next;
          assert.equal(permits.activeFor(HOST), undefined);
          assert.equal((await permits.handOut(HOST)).kind, "none");
        }
      },
    ),
  );
});
