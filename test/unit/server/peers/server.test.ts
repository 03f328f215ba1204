import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ipv4 } from "../../../../src/base/address.ts";
import { silentLog } from "../../../../src/base/log.ts";
import type { OpenDatagramSocket } from "../../../../src/net/datagram.ts";
import { createPeersServer, type PeersServer } from "../../../../src/server/peers/server.ts";
import { sealPeerMessage, type TcpConnection, type TftpSession } from "../../../../src/wire/peer-message.ts";
import { createFakeClock, type FakeClock } from "../../../support/fake-clock.ts";
import { connectionOf, FLOATING, KEY, messageOf, sessionOf } from "./messages.ts";

/** Servers on a network that carries everything at once, unless told not to. */
class Wire {
  readonly clock: FakeClock = createFakeClock();
  /** Bytes as they were sent, with the address they were sent to. */
  readonly sent: { readonly packet: Uint8Array; readonly to: string }[] = [];
  carries: boolean = true;
  private readonly listeners = new Map<string, (packet: Uint8Array) => void>();

  readonly open: OpenDatagramSocket = async (_protocol, address, port, events) => {
    this.listeners.set(address, (packet) => events.message(packet, { address: "0.0.0.0", port }));
    const close = async () => {
      this.listeners.delete(address);
    };
    const send = (packets: readonly Uint8Array[], to: { readonly address: string }) => {
      for (const packet of packets) {
        this.sent.push({ packet, to: to.address });
        if (this.carries) this.put(to.address, packet);
      }
    };
    return { port, send, close };
  };

  put(address: string, packet: Uint8Array): void {
    this.listeners.get(address)?.(packet);
  }

  /** Ticks wait for what they read, so time gives way to it again and again. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 50) {
      this.clock.advance(50);
      await new Promise(setImmediate);
    }
  }
}

interface Machine {
  readonly peers: PeersServer;
  sessions: TftpSession[];
  connections: TcpConnection[] | Error;
  /** Destinations of the tickles, as they went out. */
  readonly tickled: string[];
}

const ADDRESSES: Readonly<Record<string, Ipv4>> = { s1: "10.0.0.1" as Ipv4, s2: "10.0.0.2" as Ipv4 };

async function machine(wire: Wire, name: string): Promise<Machine> {
  const others = Object.entries(ADDRESSES).filter(([other]) => other !== name);
  const state: Omit<Machine, "peers"> = { sessions: [], connections: [], tickled: [] };
  const peers = createPeersServer({
    name,
    address: ADDRESSES[name] ?? FLOATING,
    peers: new Map(others.map(([other, address]) => [other, [address]])),
    key: KEY,
    epoch: 1,
    sessions: () => made.sessions,
    connections: async () => {
      if (made.connections instanceof Error) throw made.connections;
      return made.connections;
    },
    raw: { send: (_packet, to) => made.tickled.push(to), close: () => {} },
    clock: wire.clock,
    log: silentLog,
    openSocket: wire.open,
  });
  const made: Machine = Object.assign(state, { peers });
  await peers.start();
  return made;
}

const { server, client } = sessionOf(2070);

test("servers know who lives, and who has fallen silent", async () => {
  const wire = new Wire();
  const one = await machine(wire, "s1");
  assert.deepEqual(one.peers.status(), [{ name: "s2", alive: false }]);
  const two = await machine(wire, "s2");
  assert.deepEqual(one.peers.status(), [{ name: "s2", heardAt: wire.clock.now(), alive: true }]);
  await wire.pass(3000);
  wire.clock.jump(3_600_000);
  assert.equal(one.peers.status()[0]?.alive, true);
  await two.peers.stop();
  await wire.pass(1500);
  assert.equal(one.peers.status()[0]?.alive, false);
});

test("a session is told at once, before the next tick", async () => {
  const wire = new Wire();
  const [one, two] = [await machine(wire, "s1"), await machine(wire, "s2")];
  one.peers.handover.tell(sessionOf(2070));
  assert.deepEqual(two.peers.handover.find(server, client), { session: sessionOf(2070), untold: 0 });
  assert.equal(one.peers.handover.find(server, client), undefined);
});

test("a telling that got lost is made good by the next tick", async () => {
  const wire = new Wire();
  const [one, two] = [await machine(wire, "s1"), await machine(wire, "s2")];
  wire.carries = false;
  one.peers.handover.tell(sessionOf(2070));
  one.sessions = [sessionOf(2070)];
  wire.carries = true;
  assert.equal(two.peers.handover.find(server, client), undefined);
  await wire.pass(250);
  assert.ok(two.peers.handover.find(server, client));
});

test("positions are told in every round, and what is over is forgotten", async () => {
  const wire = new Wire();
  const [one, two] = [await machine(wire, "s1"), await machine(wire, "s2")];
  one.sessions = [sessionOf(2070)];
  await wire.pass(250);
  one.sessions = [sessionOf(2070, { acked: 30 })];
  await wire.pass(1000);
  assert.equal(two.peers.handover.find(server, client)?.session.acked, 30);
  one.sessions = [];
  await wire.pass(4000);
  assert.equal(two.peers.handover.find(server, client), undefined);
});

test("how long a session has gone untold counts to the moment its address came", async () => {
  const wire = new Wire();
  const [one, two] = [await machine(wire, "s1"), await machine(wire, "s2")];
  one.peers.handover.tell(sessionOf(2070));
  await one.peers.stop();
  await wire.pass(500);
  wire.clock.jump(3_600_000);
  two.peers.adopted(FLOATING);
  await wire.pass(5000);
  assert.equal(two.peers.handover.find(server, client)?.untold, 500);
  two.peers.released(FLOATING);
  assert.equal(two.peers.handover.find(server, client)?.untold, 5500);
});

test("a client that a stopped daemon's supervisor tells of when its address is here already is tickled at once", async () => {
  const wire = new Wire();
  const two = await machine(wire, "s2");
  two.peers.adopted(FLOATING);
  await wire.pass(5000);
  const late = messageOf({ sender: "s1/supervisor", connections: [connectionOf(40001)] });
  wire.put("10.0.0.2", sealPeerMessage(late, KEY));
  wire.put("10.0.0.2", sealPeerMessage({ ...late, sequence: 2, round: 1 }, KEY));
  await wire.pass(5000);
  assert.equal(two.tickled.length, 5);
  assert.deepEqual(two.peers.status(), [{ name: "s1", alive: false }]);
});

test("the clients of an adopted address are tickled, again and again, and no others", async () => {
  const wire = new Wire();
  const [one, two] = [await machine(wire, "s1"), await machine(wire, "s2")];
  one.connections = [connectionOf(4000), connectionOf(4001, "192.168.77.2" as Ipv4)];
  await wire.pass(250);
  one.peers.opened(connectionOf(4002));
  await one.peers.stop();
  two.peers.adopted(FLOATING);
  await wire.pass(50);
  assert.deepEqual(two.tickled, ["192.168.77.101", "192.168.77.101"]);
  await wire.pass(5000);
  assert.equal(two.tickled.length, 10);
  assert.equal(two.peers.counters().tickle, 10);
});

test("an address that goes away again ends the tickling", async () => {
  const wire = new Wire();
  const [one, two] = [await machine(wire, "s1"), await machine(wire, "s2")];
  one.peers.opened(connectionOf(4000));
  two.peers.adopted(FLOATING);
  await wire.pass(50);
  two.peers.released(FLOATING);
  await wire.pass(5000);
  assert.equal(two.tickled.length, 1);
});

test("a thousand connections are told in datagrams that fit an Ethernet frame", async () => {
  const wire = new Wire();
  const [one, two] = [await machine(wire, "s1"), await machine(wire, "s2")];
  one.connections = Array.from({ length: 1000 }, (_, index) => connectionOf(10_000 + index));
  await wire.pass(250);
  assert.ok(wire.sent.every(({ packet }) => packet.length <= 1472));
  two.peers.adopted(FLOATING);
  await wire.pass(50);
  assert.equal(two.tickled.length, 1000);
});

test("a connection that is old news is not told in every tick", async () => {
  const wire = new Wire();
  const one = await machine(wire, "s1");
  one.connections = [connectionOf(4000)];
  await wire.pass(4000);
  const small = wire.sent.map(({ packet }) => packet.length).filter((length) => length === wire.sent[0]?.packet.length);
  assert.ok(small.length > wire.sent.length / 2, "most ticks have no news");
});

test("connections that cannot be listed are counted, and the server is still heard", async () => {
  const wire = new Wire();
  const [one, two] = [await machine(wire, "s1"), await machine(wire, "s2")];
  one.connections = new Error("no /proc");
  await wire.pass(2000);
  assert.ok(Number(one.peers.counters()["read-error"]) > 0);
  assert.equal(two.peers.status()[0]?.alive, true);
});

const refused: ReadonlyArray<{ name: string; packet: Uint8Array; reason: string }> = [
  { name: "noise", packet: Buffer.from("hello"), reason: "malformed" },
  { name: "another key", packet: sealPeerMessage(messageOf(), Buffer.alloc(32)), reason: "forged" },
  { name: "a stranger", packet: sealPeerMessage(messageOf({ sender: "s9" }), KEY), reason: "stranger" },
  { name: "itself", packet: sealPeerMessage(messageOf({ sender: "s2" }), KEY), reason: "stranger" },
];
for (const { name, packet, reason } of refused) {
  test(`what comes from ${name} is dropped as ${reason}`, async () => {
    const wire = new Wire();
    const two = await machine(wire, "s2");
    wire.put("10.0.0.2", packet);
    assert.equal(two.peers.counters()[`drop.${reason}`], 1);
    assert.deepEqual(two.peers.status(), [{ name: "s1", alive: false }]);
  });
}

test("a replayed message wakes no dead server", async () => {
  const wire = new Wire();
  const [one, two] = [await machine(wire, "s1"), await machine(wire, "s2")];
  await wire.pass(1000);
  const recorded = wire.sent.filter(({ to }) => to === "10.0.0.2");
  await one.peers.stop();
  await wire.pass(2000);
  for (const { packet } of recorded) wire.put("10.0.0.2", packet);
  assert.equal(two.peers.status()[0]?.alive, false);
  assert.ok(Number(two.peers.counters()["drop.replay"]) >= recorded.length);
});
