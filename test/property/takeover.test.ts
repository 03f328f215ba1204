/** TFTP transfers whose server dies in the middle, on a simulated network: the heir must send the right bytes or none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bytesFile } from "../../src/content/segments.ts";
import type { FileResolver } from "../../src/content/served-file.ts";
import type { Handover } from "../../src/server/tftp/handover.ts";
import type { TftpSession } from "../../src/wire/peer-message.ts";
import { random } from "../support/lossy-udp.ts";
import { type ClientOptions, type Faults, SimulatedClient, Simulation } from "./tftp-simulation.ts";

const PORT = 2070;

interface Life {
  readonly content: Uint8Array;
  readonly blockSize: number;
  readonly windowSize: number;
  /** Packets after which the first server dies. */
  readonly diesAfter: number;
  /** What becomes of the `n`th thing told: does it reach the heir? */
  readonly heard: (n: number) => boolean;
  readonly faults?: Faults;
  readonly seed?: number;
  readonly eager?: boolean;
}

function serving(content: Uint8Array): FileResolver {
  const file = bytesFile(content, "application/octet-stream", 0);
  return async () => ({ kind: "file", file });
}

/** What one server tells and the other one knows. */
function gossip(heard: (n: number) => boolean): Handover {
  const told = new Map<number, TftpSession>();
  let count = 0;
  return {
    tell: (session) => {
      if (heard(count++)) told.set(session.client.port, session);
    },
    find: (_server, client) => {
      const session = told.get(client.port);
      return session && { session, untold: 0 };
    },
  };
}

/** Runs a transfer through the death of its server; `simulation.server` is the heir then. */
async function live(life: Life, heirsContent = life.content): Promise<{ client: SimulatedClient; heir: Simulation }> {
  const simulation = new Simulation(serving(life.content), life.faults, life.seed);
  const handover = gossip(life.heard);
  await simulation.takeOver(serving(life.content), handover);
  const options: ClientOptions["options"] = [
    { name: "blksize", value: String(life.blockSize) },
    { name: "windowsize", value: String(life.windowSize) },
  ];
  const client = new SimulatedClient(simulation, { port: PORT, path: "f", options, eager: life.eager === true });
  await simulation.run(() => simulation.sent.length >= life.diesAfter || client.done, 600_000);
  await simulation.takeOver(serving(heirsContent), handover);
  await simulation.run(() => client.done, simulation.now() + 600_000);
  return { client, heir: simulation };
}

const share = fc.double({ min: 0, max: 0.1, noNaN: true });

test("a client gets identical bytes when its server dies after any packet", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        blockSize: fc.integer({ min: 8, max: 3000 }),
        windowSize: fc.integer({ min: 1, max: 64 }),
        blocks: fc.integer({ min: 0, max: 80 }),
        extra: fc.nat(3000),
        diesAfter: fc.integer({ min: 1, max: 90 }),
        seed: fc.integer(),
        eager: fc.boolean(),
        faults: fc.record({ loss: share, duplicate: share, reorder: share }),
      }),
      async ({ blocks, extra, ...life }) => {
        const chance = random(life.seed);
        const size = blocks * life.blockSize + (extra % life.blockSize);
        const content = Uint8Array.from({ length: size }, () => chance() * 256);
        const { client, heir } = await live({ ...life, content, heard: () => true });
        assert.ok(client.done, `not done after ${heir.now()} ms`);
        assert.deepEqual(client.bytes, Buffer.from(content));
        await heir.server.stop();
      },
    ),
    { numRuns: 80 },
  );
});

test("an address that two servers had for a moment: the first goes on where the second has brought the client", async () => {
  for (const windowSize of [1, 4, 64]) {
    const content = longContent(3000);
    const simulation = new Simulation(serving(content));
    const handover = gossip(() => true);
    await simulation.takeOver(serving(content), handover);
    const first = simulation.server;
    const options = [
      { name: "blksize", value: "8" },
      { name: "windowsize", value: String(windowSize) },
    ];
    const client = new SimulatedClient(simulation, { port: PORT, path: "f", options, eager: false });
    const until = (packets: number) => simulation.run(() => simulation.sent.length >= packets, 600_000);
    await until(1000);
    await simulation.takeOver(serving(content), handover);
    await until(2500);
    simulation.comeBack(first);
    const back = simulation.now();
    await simulation.run(() => client.done, back + 2000);
    assert.ok(client.done, `window ${windowSize}`);
    assert.equal(Buffer.compare(client.bytes, content), 0);
    assert.equal(first.counters().adopted, 1);
    await first.stop();
  }
});

/** Any two blocks of it differ, also those with the same number on the wire. */
function longContent(blocks: number): Uint8Array {
  const content = Buffer.alloc(blocks * 8 + 3);
  for (let block = 0; block < blocks; block++) content.writeUInt32BE(block, block * 8);
  return content;
}

for (const diesAfter of [65_400, 65_600, 70_000, 131_000]) {
  test(`block numbers that have wrapped: dies after ${diesAfter} packets of 140,000`, async () => {
    const content = longContent(140_000);
    const life = { content, blockSize: 8, windowSize: 64, diesAfter, heard: () => true };
    const { client, heir } = await live(life);
    assert.ok(client.done);
    assert.equal(Buffer.compare(client.bytes, content), 0);
    assert.equal(heir.server.counters().adopted, 1);
    await heir.server.stop();
  });
}

test("a position told too long ago is silence, not another block's bytes", async () => {
  const content = longContent(140_000);
  const heardFirst = (n: number) => n === 0;
  const life = { content, blockSize: 8, windowSize: 64, diesAfter: 60_000, heard: heardFirst };
  const { client, heir } = await live(life);
  assert.equal(client.done, false);
  assert.equal(Buffer.compare(client.bytes, content.subarray(0, client.bytes.length)), 0);
  assert.equal(heir.server.counters().adopted, undefined);
  await heir.server.stop();
});

test("a transfer that nobody told of is silence", async () => {
  const content = longContent(100);
  const life = { content, blockSize: 8, windowSize: 1, diesAfter: 50, heard: () => false };
  const { client, heir } = await live(life);
  assert.deepEqual([client.done, client.error], [false, undefined]);
  assert.ok(Number(heir.server.counters()["drop.no-session"]) > 0);
  await heir.server.stop();
});

test("another version of the file is silence", async () => {
  const content = longContent(100);
  const life = { content, blockSize: 8, windowSize: 1, diesAfter: 50, heard: () => true };
  const { client, heir } = await live(life, content.toReversed());
  assert.deepEqual([client.done, client.error], [false, undefined]);
  assert.ok(Number(heir.server.counters()["drop.other-version"]) > 0);
  await heir.server.stop();
});

test("the heir's transfer is told to the observer, and to heirs of its own", async () => {
  const content = longContent(100);
  const life = { content, blockSize: 8, windowSize: 4, diesAfter: 50, heard: () => true };
  const { heir } = await live(life);
  await heir.run(() => heir.transfers.length > 0, heir.now() + 1000);
  assert.deepEqual(heir.startedPaths, ["/f", "/f"]);
  assert.deepEqual(
    heir.transfers.map(({ complete, bytes }) => ({ complete, bytes })),
    [{ complete: true, bytes: content.length }],
  );
});

test("a server that loses its address lets its transfers go without a word", async () => {
  const simulation = new Simulation(serving(longContent(100)));
  await simulation.server.start();
  simulation.toServer(PORT, { kind: "read", path: "f", mode: "octet", options: [] });
  await simulation.run(() => simulation.sent.length === 1);
  assert.equal(simulation.server.sessions().length, 1);
  simulation.server.letGo();
  await simulation.run();
  assert.equal(simulation.sent.length, 1);
  assert.deepEqual(simulation.server.sessions(), []);
  assert.equal(simulation.server.counters()["transfer.moved"], 1);
});
