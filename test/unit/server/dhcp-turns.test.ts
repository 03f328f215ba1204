/** Who of several DHCP servers speaks: in tables, and in every order of losses, delays and deaths. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Ipv4, Mac } from "../../../src/base/address.ts";
import { isOurTurn, Tries, type TurnRequest, type TurnView } from "../../../src/server/dhcp/turns.ts";

const MAC = "52:54:00:00:00:01" as Mac;
const FLOATING = { a: "10.0.0.1" as Ipv4, b: "10.0.0.2" as Ipv4, c: "10.0.0.3" as Ipv4 } as const;
const STRANGER = "10.0.0.99" as Ipv4;

function viewOf(self: string, dead: readonly string[] = [], holders: Readonly<Record<string, string>> = {}): TurnView {
  return {
    order: ["a", "b", "c"],
    self,
    isAlive: (name) => !dead.includes(name),
    holderOf: (address) => {
      const [owner = ""] = Object.entries(FLOATING).find(([, floating]) => floating === address) ?? [];
      const holder = holders[owner] ?? owner;
      return dead.includes(holder) ? undefined : holder;
    },
    isOurs: (address) => Object.values(FLOATING).includes(address),
  };
}

/** Names of those who answer. */
function speakers(request: TurnRequest, tries: number, dead: readonly string[] = [], holders = {}): string {
  return ["a", "b", "c"]
    .filter((name) => !dead.includes(name))
    .filter((name) => isOurTurn(request, tries, viewOf(name, dead, holders)))
    .join("");
}

test("the first one that lives answers; with each further try one more", () => {
  const discover = { type: "discover" } as const;
  assert.deepEqual(
    [0, 1, 2, 3].map((tries) => speakers(discover, tries)),
    ["a", "ab", "abc", "abc"],
  );
  assert.deepEqual(
    [0, 1].map((tries) => speakers(discover, tries, ["a"])),
    ["b", "bc"],
  );
  assert.equal(speakers(discover, 0, ["a", "b"]), "c");
});

test("what is said to a floating address is answered by its holder, the heir if the owner is dead", () => {
  const request = { type: "request", serverId: FLOATING.a } as const;
  assert.equal(speakers(request, 0), "a");
  assert.equal(speakers(request, 0, ["a"], { a: "c" }), "c");
  assert.equal(speakers(request, 0, [], { a: "b" }), "b");
});

test("an address that nobody holds, a holder that does not answer: the order decides, later", () => {
  const request = { type: "request", serverId: FLOATING.a } as const;
  assert.equal(speakers(request, 0, ["a"]), "b");
  assert.equal(speakers(request, 1, ["a"]), "bc");
  assert.deepEqual(
    [1, 2, 3, 4].map((tries) => speakers(request, tries)),
    ["a", "a", "ab", "abc"],
  );
});

test("a request for a stranger's offer goes by the order, to be dropped there; a release is noted once", () => {
  assert.equal(speakers({ type: "request", serverId: STRANGER }, 0), "a");
  assert.equal(speakers({ type: "release", serverId: FLOATING.b }, 5), "a");
  assert.equal(speakers({ type: "decline" }, 5, ["a"]), "b");
});

test("tries are counted for each client and each thing said, and forgotten after a minute", () => {
  const tries = new Tries();
  assert.deepEqual(
    [0, 1000, 5000].map((now) => tries.count(MAC, "discover firmware", now)),
    [0, 1, 2],
  );
  assert.equal(tries.count(MAC, "discover ipxe", 6000), 0);
  assert.equal(tries.count(MAC, "discover firmware", 7000), 0);
  assert.equal(tries.count(MAC, "discover firmware", 71_999), 1);
  assert.equal(tries.count(MAC, "discover firmware", 71_999 + 65_000), 0);
  assert.equal(tries.count("52:54:00:00:00:02" as Mac, "discover firmware", 72_000), 0);
});

test("whoever is dead, and whoever takes whom for dead, a client is answered after as many tries as there are servers", () => {
  const names = ["a", "b", "c"];
  const beliefs = fc.record({
    dead: fc.subarray(names, { maxLength: 2 }),
    mistaken: fc.dictionary(fc.constantFrom(...names), fc.subarray(names)),
    addressed: fc.boolean(),
  });
  fc.assert(
    fc.property(beliefs, ({ dead, mistaken, addressed }) => {
      const request: TurnRequest = addressed ? { type: "request", serverId: FLOATING.a } : { type: "discover" };
      const living = names.filter((name) => !dead.includes(name));
      const answered = [0, 1, 2, 3, 4].some((tries) =>
        living.some((name) => {
          // Each server has its own idea of who lives, whatever the truth; of itself it knows.
          const believedDead = (mistaken[name] ?? []).filter((other) => other !== name);
          return isOurTurn(request, tries, viewOf(name, believedDead));
        }),
      );
      assert.ok(answered);
    }),
  );
});
