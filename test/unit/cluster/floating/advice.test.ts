import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type Advice,
  advise,
  type PeerStanding,
  type Standing,
  type Witness,
} from "../../../../src/cluster/floating/advice.ts";

const own = (witness: Witness, holds: boolean, rank = 0): Standing => ({ witness, holds, rank });
const peer = (heard: PeerStanding["heard"], witness: Witness, holds: boolean, rank = 1): PeerStanding => ({
  ...{ heard, witness, holds, rank },
});

const CASES: ReadonlyArray<readonly [what: string, own: Standing, peers: readonly PeerStanding[], Advice]> = [
  ["alone", own("unknown", false), [], "take"],
  ["every peer is dead", own("yes", false), [peer("nowhere", "unknown", false)], "take"],
  ["every peer is dead, and the LAN too", own("no", true), [peer("nowhere", "unknown", false)], "take"],
  ["a quiet day", own("yes", true), [peer("lan", "yes", false)], "keep"],
  ["a quiet day, for the heir", own("yes", false, 1), [peer("lan", "yes", true, 0)], "keep"],
  ["cut off from the LAN, the other is not", own("no", true), [peer("elsewhere", "yes", false)], "yield"],
  ["the other is cut off from the LAN", own("yes", false, 1), [peer("elsewhere", "no", true, 0)], "take"],
  ["congested LAN: the holder", own("no", true), [peer("elsewhere", "no", false)], "keep"],
  ["congested LAN: the heir", own("no", false, 1), [peer("elsewhere", "no", true, 0)], "yield"],
  ["divided LAN, both reach the router: the holder", own("yes", true, 1), [peer("elsewhere", "yes", false, 0)], "keep"],
  ["divided LAN, both reach the router: the owner", own("yes", false, 0), [peer("elsewhere", "yes", true, 1)], "yield"],
  ["divided LAN, both hold: the owner", own("yes", true, 0), [peer("elsewhere", "yes", true, 1)], "keep"],
  ["divided LAN, both hold: the heir", own("yes", true, 1), [peer("elsewhere", "yes", true, 0)], "yield"],
  ["divided LAN, nobody holds", own("yes", false, 1), [peer("elsewhere", "yes", false, 0)], "keep"],
  ["no router to ask", own("unknown", false, 1), [peer("elsewhere", "unknown", true, 0)], "keep"],
  [
    "one of three is cut off",
    own("no", true),
    [peer("elsewhere", "yes", false), peer("elsewhere", "yes", false, 2)],
    "yield",
  ],
  [
    "one of three is cut off: the heir",
    own("yes", false, 1),
    [peer("elsewhere", "no", true, 0), peer("lan", "yes", false, 2)],
    "take",
  ],
];

for (const [what, self, peers, advice] of CASES) {
  test(`${what}: ${advice}`, () => assert.equal(advise(self, peers), advice));
}

/** Servers with a further link that works; the LAN falls into parts, and in some of them is the router. */
interface World {
  readonly part: readonly number[];
  readonly routed: readonly boolean[];
  readonly holds: readonly boolean[];
}

const worlds: fc.Arbitrary<World> = fc.integer({ min: 2, max: 9 }).chain((count) =>
  fc.record({
    part: fc.array(fc.nat(2), { minLength: count, maxLength: count }),
    routed: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
    holds: fc.array(fc.boolean(), { minLength: count, maxLength: count }),
  }),
);

/** The servers that do not yield. The rank of a server is its number. */
function keepers({ part, routed, holds }: World): number[] {
  const standing = (server: number): Standing => {
    const isAlone = part.filter((other) => other === part[server]).length === 1;
    const witness = !isAlone || routed[part[server] ?? 0] ? "yes" : "no";
    return { rank: server, witness, holds: holds[server] ?? false };
  };
  const servers = [...part.keys()];
  return servers.filter((server) => {
    const peers = servers
      .filter((other) => other !== server)
      .map((other) => ({
        ...standing(other),
        heard: part[other] === part[server] ? ("lan" as const) : ("elsewhere" as const),
      }));
    return advise(standing(server), peers) !== "yield";
  });
}

test("servers that hear each other never all leave an address", () => {
  fc.assert(fc.property(worlds, (world) => keepers(world).length > 0));
});

test("an address that one part of the LAN can serve and has stays with one part", () => {
  fc.assert(
    fc.property(worlds, (world) => {
      const kept = keepers(world);
      // Nobody has it: VRRP decides, and the next look at who has it settles the rest.
      fc.pre(kept.some((server) => world.holds[server]));
      assert.equal(new Set(kept.map((server) => world.part[server])).size, 1, `kept by ${kept.join(" ")}`);
    }),
  );
});
