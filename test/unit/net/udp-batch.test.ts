import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { EverbootError } from "../../../src/base/errors.ts";
import { type Burst, type BurstSocket, datagramsOf } from "../../../src/net/burst.ts";
import type { Peer } from "../../../src/net/datagram.ts";
import { messagesOf } from "../../../src/net/message-batch.ts";
import { type BatchCalls, loadBatchCalls, openBatch, openBurstSocket } from "../../../src/net/udp-batch.ts";

const LOOPBACK = "127.0.0.1";
const CALLS = await loadBatchCalls();
const BATCH = CALLS ? false : "needs koffi, on 64-bit Linux";

/** What a socket heard. */
class Listener {
  readonly packets: Buffer[] = [];
  readonly errors: Error[] = [];
  readonly senders: Peer[] = [];
  private readonly waiting = new Set<() => void>();
  onPacket: (packet: Uint8Array, from: Peer) => void = () => {};

  readonly events = {
    message: (packet: Uint8Array, from: Peer) => {
      this.packets.push(Buffer.from(packet));
      this.senders.push(from);
      this.onPacket(packet, from);
      for (const look of this.waiting) look();
    },
    error: (error: Error) => this.errors.push(error),
  };

  heard(count: number): Promise<Buffer[]> {
    return new Promise((resolve) => {
      const look = () => {
        if (this.packets.length < count) return;
        this.waiting.delete(look);
        resolve(this.packets.splice(0, count));
      };
      this.waiting.add(look);
      look();
    });
  }
}

async function client(t: TestContext): Promise<Listener & { peer: Peer; say(text: string, port: number): void }> {
  const listener = new Listener();
  const socket = createSocket({ type: "udp4", recvBufferSize: 8 << 20 });
  socket.on("message", (packet, from) => listener.events.message(packet, from));
  socket.bind(0, LOOPBACK);
  await once(socket, "listening");
  t.after(() => socket.close());
  const peer = { address: LOOPBACK, port: socket.address().port };
  return Object.assign(listener, { peer, say: (text: string, port: number) => socket.send(text, port, LOOPBACK) });
}

async function opened(t: TestContext, socket: Promise<BurstSocket>): Promise<BurstSocket> {
  const open = await socket;
  t.after(() => open.close());
  return open;
}

function burstOf(count: number, headerLength: number, sliceLength: number, last = sliceLength): Burst {
  const headers = Uint8Array.from({ length: count * headerLength }, (_, index) => index * 7);
  const bytes = Uint8Array.from({ length: (count - 1) * sliceLength + last }, (_, index) => index * 31 + (index >> 8));
  return { headers, headerLength, bytes, sliceLength };
}

const bursts = fc
  .record({
    count: fc.integer({ min: 1, max: 64 }),
    header: fc.integer({ min: 1, max: 8 }),
    slice: fc.integer({ min: 1, max: 2000 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ count, header, slice, share }) => burstOf(count, header, slice, Math.floor(share * slice)));

test("a burst is cut into messages that hold all of its datagrams, in order", () => {
  fc.assert(
    fc.property(bursts, fc.boolean(), (burst, isSegmented) => {
      const parts = messagesOf(burst, isSegmented);
      assert.deepEqual(parts.flatMap(datagramsOf), datagramsOf(burst));
      for (const { headers, headerLength, bytes } of parts) {
        assert.ok(headers.length + bytes.length <= 65_507);
        assert.ok(headers.length / headerLength <= (isSegmented ? 64 : 1));
      }
    }),
  );
});

for (const plain of [false, true]) {
  const name = plain ? "by a plain socket" : "by one call";
  const open = async (t: TestContext, listener: Listener) => {
    const before = process.env.EVERBOOT_PLAIN;
    process.env.EVERBOOT_PLAIN = plain ? "1" : "";
    try {
      return await opened(t, openBurstSocket("TFTP", LOOPBACK, 0, listener.events));
    } finally {
      if (before === undefined) delete process.env.EVERBOOT_PLAIN;
      else process.env.EVERBOOT_PLAIN = before;
    }
  };

  test(`bursts of all shapes arrive whole, in order: ${name}`, async (t) => {
    const listener = new Listener();
    const socket = await open(t, listener);
    const to = await client(t);
    await fc.assert(
      fc.asyncProperty(fc.array(bursts, { minLength: 1, maxLength: 4 }), async (some) => {
        for (const burst of some) socket.sendBurst(burst, to.peer);
        const wanted = some.flatMap(datagramsOf).map((bytes) => Buffer.from(bytes));
        assert.deepEqual(await to.heard(wanted.length), wanted);
      }),
      { numRuns: 50 },
    );
    assert.deepEqual(listener.errors, []);
  });

  test(`the largest blocks arrive whole: ${name}`, async (t) => {
    const socket = await open(t, new Listener());
    const to = await client(t);
    const burst = burstOf(2, 4, 65_464, 100);
    socket.sendBurst(burst, to.peer);
    assert.deepEqual(
      await to.heard(2),
      datagramsOf(burst).map((bytes) => Buffer.from(bytes)),
    );
  });

  test(`many that ask at once are each answered, from the port they asked: ${name}`, async (t) => {
    const listener = new Listener();
    const socket = await open(t, listener);
    listener.onPacket = (packet, from) => socket.send([Buffer.concat([packet, Buffer.from(" yes")])], from);
    const clients = await Promise.all(Array.from({ length: 30 }, () => client(t)));
    for (const [index, each] of clients.entries())
      for (const turn of [1, 2, 3]) each.say(`${index} ${turn}`, socket.port);
    for (const [index, each] of clients.entries()) {
      const answers = (await each.heard(3)).map(String);
      assert.deepEqual(
        answers,
        [1, 2, 3].map((turn) => `${index} ${turn} yes`),
      );
      assert.ok(each.senders.every(({ port }) => port === socket.port));
    }
    assert.deepEqual(new Set(listener.senders.map(({ port }) => port)), new Set(clients.map(({ peer }) => peer.port)));
  });

  test(`a port that is taken is told, and so it is when closed in an answer: ${name}`, async (t) => {
    const listener = new Listener();
    const socket = await open(t, listener);
    const again = openBurstSocket("TFTP", LOOPBACK, socket.port, listener.events);
    await assert.rejects(again, (error) => error instanceof EverbootError && error.code === "port-in-use");
    const closed = new Promise<void>((resolve) => {
      listener.onPacket = (_packet, from) => {
        socket.send([Buffer.from("late")], from);
        void socket.close().then(resolve);
        t.mock.method(socket, "close", async () => {});
      };
    });
    const asking = await client(t);
    asking.say("one", socket.port);
    asking.say("two", socket.port);
    await closed;
    assert.deepEqual(listener.errors, []);
  });
}

/** The system's calls, with sendmmsg told to fail by `fail`: an errno below zero, or undefined to let it do its work. */
function failing(fail: (segmented: boolean) => number | undefined): BatchCalls {
  assert.ok(CALLS);
  const { sendmmsg } = CALLS;
  return {
    ...CALLS,
    sendmmsg: (...args) => {
      const messages = args[1];
      assert.ok(messages instanceof Uint8Array);
      const controlLength = new DataView(messages.buffer, messages.byteOffset).getUint32(40, true);
      return fail(controlLength > 0) ?? sendmmsg(...args);
    },
  };
}

const where = { protocol: "TFTP", address: LOOPBACK, port: 0 };

for (const errno of [-5, -22, -90]) {
  test(`a route that refuses segments (errno ${-errno}) gets datagrams, and is not asked again`, {
    skip: BATCH,
  }, async (t) => {
    const listener = new Listener();
    let refused = 0;
    const calls = failing((segmented) => {
      if (segmented) refused += 1;
      return segmented ? errno : undefined;
    });
    const socket = await opened(t, openBatch(calls, where, listener.events));
    const to = await client(t);
    const burst = burstOf(16, 4, 1428, 0);
    for (const _ of [1, 2, 3]) {
      socket.sendBurst(burst, to.peer);
      assert.deepEqual(
        await to.heard(16),
        datagramsOf(burst).map((bytes) => Buffer.from(bytes)),
      );
    }
    assert.equal(refused, 1);
    // Smaller ones may be welcome.
    socket.sendBurst(burstOf(2, 4, 500), to.peer);
    await to.heard(2);
    assert.equal(refused, 2);
    assert.deepEqual(listener.errors, []);
  });
}

test("a full send buffer loses nothing and changes no order", { skip: BATCH }, async (t) => {
  const listener = new Listener();
  let turn = 0;
  const socket = await opened(
    t,
    openBatch(
      failing(() => (turn++ % 3 === 1 ? -11 : undefined)),
      where,
      listener.events,
    ),
  );
  const to = await client(t);
  const some = Array.from({ length: 12 }, (_, index) => burstOf(3, 4, 100 + index));
  for (const burst of some) socket.sendBurst(burst, to.peer);
  assert.deepEqual(
    await to.heard(36),
    some.flatMap(datagramsOf).map((bytes) => Buffer.from(bytes)),
  );
  assert.deepEqual(listener.errors, []);
});

test("a datagram that the system does not let go is told and lost, the next ones go out", {
  skip: BATCH,
}, async (t) => {
  const listener = new Listener();
  let first = true;
  const calls = failing(() => {
    const errno = first ? -1 : undefined; // EPERM: a packet filter
    first = false;
    return errno;
  });
  const socket = await opened(t, openBatch(calls, where, listener.events));
  const to = await client(t);
  socket.send([Buffer.from("lost"), Buffer.from("there")], to.peer);
  assert.deepEqual((await to.heard(1)).map(String), ["there"]);
  assert.match(String(listener.errors[0]), /sendmmsg: errno 1/);
});
