import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Ipv4, ipv4FromNumber } from "../../../../src/base/address.ts";
import { FITNESS } from "../../../../src/cluster/floating/fitness.ts";
import {
  decodeHeartbeat,
  encodeHeartbeat,
  type Heartbeat,
  isNewer,
} from "../../../../src/cluster/floating/heartbeat-message.ts";
import {
  GONE_MS,
  HEARTBEAT_MS,
  HEARTBEAT_PORT,
  Heartbeats,
  LAN_LOST_BEATS,
  WITNESS_MS,
} from "../../../../src/cluster/floating/heartbeats.ts";
import { encodeFrame, FrameReader } from "../../../../src/net/serial-frames.ts";
import { createFakeClock } from "../../../support/fake-clock.ts";

const KEY = Buffer.from("secret");
const BEAT: Heartbeat = {
  ...{ server: "server2", run: 1000, sequence: 1, fitness: "well", witness: "yes" },
  holds: ["192.168.0.254" as Ipv4],
};
const LAN = "192.168.0.12";
const CROSS = "10.0.0.4";

function listening() {
  const clock = createFakeClock();
  const peers = [{ name: "server2", lan: LAN as Ipv4, links: [CROSS as Ipv4] }];
  return { clock, beats: new Heartbeats({ server: "server1", peers, key: KEY, run: 1, clock }) };
}

const packet = (change: Partial<Heartbeat> = {}, key: Uint8Array = KEY) => encodeHeartbeat({ ...BEAT, ...change }, key);

test("what is encoded is decoded", () => {
  const fields = {
    server: fc.string(),
    run: fc.nat(),
    sequence: fc.nat(),
    fitness: fc.constantFrom(...FITNESS),
    witness: fc.constantFrom("yes" as const, "no" as const, "unknown" as const),
    holds: fc.array(fc.nat(0xffffffff).map(ipv4FromNumber)),
  };
  const heartbeats = fc.record(fields, { noNullPrototype: true });
  fc.assert(
    fc.property(heartbeats, fc.uint8Array(), (heartbeat, key) => {
      assert.deepEqual(decodeHeartbeat(encodeHeartbeat(heartbeat, key), key), heartbeat);
    }),
  );
});

test("any changed bit, another key and any other bytes are no heartbeat", () => {
  const good = packet();
  fc.assert(
    fc.property(fc.nat(good.length * 8 - 1), (bit) => {
      const bad = Buffer.from(good);
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(decodeHeartbeat(bad, KEY), undefined);
    }),
  );
  assert.equal(decodeHeartbeat(good, Buffer.from("other")), undefined);
  fc.assert(fc.property(fc.uint8Array(), (bytes) => decodeHeartbeat(bytes, KEY) === undefined));
});

test("a signed text that is no heartbeat is none", () => {
  const signed = (value: unknown) => encodeHeartbeat(value as Heartbeat, KEY);
  for (const value of [
    null,
    1,
    [],
    {},
    { ...BEAT, witness: "perhaps" },
    { ...BEAT, run: "1" },
    { ...BEAT, holds: 1 },
    { ...BEAT, fitness: true },
  ])
    assert.equal(decodeHeartbeat(signed(value), KEY), undefined, JSON.stringify(value));
});

test("a later run is newer, whatever its sequence", () => {
  assert.equal(isNewer(BEAT, undefined), true);
  assert.equal(isNewer({ ...BEAT, sequence: 2 }, BEAT), true);
  assert.equal(isNewer(BEAT, BEAT), false);
  assert.equal(isNewer({ ...BEAT, run: 999, sequence: 9 }, BEAT), false);
  assert.equal(isNewer({ ...BEAT, run: 1001 }, { ...BEAT, sequence: 9 }), true);
});

test("a peer is where it is heard, and nowhere after a while", () => {
  const { clock, beats } = listening();
  const heard = () => beats.views()[0]?.heard;
  assert.equal(heard(), "nowhere");
  beats.receive(packet(), CROSS);
  assert.equal(heard(), "elsewhere");
  assert.equal(beats.lanWitnessed(WITNESS_MS), false);
  beats.receive(packet(), LAN);
  assert.equal(heard(), "lan");
  assert.equal(beats.lanWitnessed(WITNESS_MS), true);
  clock.advance(WITNESS_MS);
  assert.equal(beats.lanWitnessed(WITNESS_MS), false);
  clock.advance(GONE_MS - WITNESS_MS);
  const nothing = { fitness: "none", witness: "unknown", holds: [] };
  assert.deepEqual(beats.views(), [{ name: "server2", heard: "nowhere", ...nothing }]);
});

test("a peer has lost the LAN when its heartbeats go on elsewhere, not when it is slow", () => {
  const { clock, beats } = listening();
  const heard = () => beats.views()[0]?.heard;
  for (const from of [LAN, CROSS]) beats.receive(packet(), from);
  clock.advance(GONE_MS - 1);
  assert.equal(heard(), "lan");
  for (let missed = 1; missed < LAN_LOST_BEATS; missed++) {
    clock.advance(HEARTBEAT_MS);
    beats.receive(packet({ sequence: 1 + missed }), CROSS);
    assert.equal(heard(), "lan");
  }
  beats.receive(packet({ sequence: 1 + LAN_LOST_BEATS }), CROSS);
  assert.equal(heard(), "elsewhere");
  assert.deepEqual(beats.views()[0]?.holds, BEAT.holds);
  beats.receive(packet({ sequence: 2 + LAN_LOST_BEATS }), LAN);
  assert.equal(heard(), "lan");
});

test("the first heartbeats of a peer's next run may come by another link before the LAN", () => {
  const { beats } = listening();
  const heard = () => beats.views()[0]?.heard;
  for (const from of [LAN, CROSS]) beats.receive(packet({ sequence: 1000 }), from);
  const next = (sequence: number) => packet({ run: BEAT.run + 1, sequence });
  beats.receive(next(1), CROSS);
  assert.equal(heard(), "lan");
  beats.receive(next(LAN_LOST_BEATS), CROSS);
  assert.equal(heard(), "elsewhere");
});

test("a serial line is a further link, to whichever peer is at its end", () => {
  const { clock, beats } = listening();
  const heard = () => beats.views()[0]?.heard;
  for (const server of ["server1", "server3"]) beats.receiveWired(packet({ server }));
  beats.receiveWired(packet({}, Buffer.from("other")));
  assert.equal(heard(), "nowhere");
  beats.receiveWired(packet({ sequence: 2 }));
  assert.equal(heard(), "elsewhere");
  assert.equal(beats.lanWitnessed(WITNESS_MS), false);
  clock.advance(GONE_MS);
  for (const sequence of [1, 2]) beats.receiveWired(packet({ sequence }));
  assert.equal(heard(), "nowhere");
});

test("a replayed heartbeat keeps nobody alive, and another's is not taken for the peer's", () => {
  const { clock, beats } = listening();
  beats.receive(packet({ sequence: 5 }), LAN);
  clock.advance(GONE_MS);
  for (const sequence of [4, 5]) beats.receive(packet({ sequence }), LAN);
  beats.receive(packet({ sequence: 6, server: "server3" }), LAN);
  beats.receive(packet({ sequence: 6 }), "192.168.0.99");
  assert.equal(beats.views()[0]?.heard, "nowhere");
});

test("each heartbeat goes to every address of every peer", async () => {
  const { beats } = listening();
  const sent: string[] = [];
  await beats.open((_protocol, address, port) => {
    assert.deepEqual([address, port], ["0.0.0.0", HEARTBEAT_PORT]);
    const send = (packets: readonly Uint8Array[], to: { address: string }) => {
      const [first] = packets;
      sent.push(`${to.address} ${first && decodeHeartbeat(first, KEY)?.sequence}`);
    };
    return Promise.resolve({ port, send, close: () => Promise.resolve() });
  });
  const own = { fitness: "well", witness: "yes", holds: [] } as const;
  const packets = [beats.send(own), beats.send(own)];
  assert.deepEqual(
    packets.map((bytes) => decodeHeartbeat(bytes, KEY)?.sequence),
    [1, 2],
  );
  assert.deepEqual(sent, [`${LAN} 1`, `${CROSS} 1`, `${LAN} 2`, `${CROSS} 2`]);
});

test("noise on a serial line kills no heartbeat behind it, and is none itself", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1 }), fc.nat(), (noise, place) => {
      const { beats } = listening();
      const reader = new FrameReader(1024, (bytes) => beats.receiveWired(bytes));
      for (const bytes of noise) reader.read(bytes);
      assert.equal(beats.views()[0]?.heard, "nowhere");
      const damaged = encodeFrame(packet());
      const index = place % damaged.length;
      damaged[index] = (damaged[index] ?? 0) ^ 0x10;
      reader.read(damaged);
      reader.read(encodeFrame(packet({ sequence: 2 })));
      assert.equal(beats.views()[0]?.heard, "elsewhere");
    }),
  );
});
