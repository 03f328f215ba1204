import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCidr } from "../../../../src/base/address.ts";
import { silentLog } from "../../../../src/base/log.ts";
import { planBoot } from "../../../../src/boot/plan.ts";
import { LeaseTable } from "../../../../src/cluster/leases.ts";
import type { LocalInterface } from "../../../../src/net/interfaces.ts";
import type { UdpOpener, UdpPeer, UdpRequest, UdpSocket } from "../../../../src/net/udp.ts";
import { createDhcpServer } from "../../../../src/server/dhcp/server.ts";
import type { DhcpEvent } from "../../../../src/server/dhcp/verdict.ts";
import type { Site } from "../../../../src/site/model.ts";
import { createMemoryStore } from "../../../../src/store/memory.ts";
import type { Store } from "../../../../src/store/store.ts";
import { messageType } from "../../../../src/wire/dhcp-options.ts";
import { type DhcpPacket, decodeDhcp, encodeDhcp } from "../../../../src/wire/dhcp-packet.ts";
import { HOST_NIC_1, STRANGER, sketch } from "../../../support/dhcp-context.ts";
import { clientMessage } from "../../../support/dhcp-messages.ts";
import { ip, onlyServer } from "../../../support/dhcp-site.ts";
import { createFakeClock } from "../../../support/fake-clock.ts";

const CLIENT: UdpPeer = { address: ip("0.0.0.0"), port: 68 };

interface Sent {
  readonly packet: DhcpPacket;
  readonly to: UdpPeer;
  readonly how: "udp" | "frame";
}

/** A network in memory: what is opened, what is sent, and a way to speak to it. */
function fakeNetwork(options: { readonly perDevice?: boolean; readonly failSends?: boolean } = {}) {
  const opened: UdpRequest[] = [];
  const closed: string[] = [];
  const sent: Sent[] = [];
  const socketOf = (request: UdpRequest): UdpSocket => ({
    device: request.device,
    address: request.address,
    port: request.port,
    sendsFrames: true,
    async send(bytes, to) {
      if (options.failSends) throw new Error("ENETUNREACH");
      sent.push({ packet: decodeDhcp(bytes), to, how: "udp" });
    },
    sendFrame: (bytes, to) => sent.push({ packet: decodeDhcp(bytes), to, how: "frame" }),
    async close() {
      closed.push(`${request.device}:${request.port}`);
    },
  });
  const opener: UdpOpener = {
    perDevice: options.perDevice ?? true,
    async open(request) {
      if (request.device === "taken") throw new Error("EADDRINUSE");
      opened.push(request);
      return socketOf(request);
    },
  };
  /** Delivers to the first socket and resolves when all that follows from it has been done. */
  const deliver = async (bytes: Uint8Array) => {
    const request = opened[0];
    assert.ok(request);
    request.receive(bytes, CLIENT, socketOf(request));
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { opener, opened, closed, sent, deliver };
}

const CIDR = parseCidr("192.168.77.0/24");
const local = (name: string, address: string): LocalInterface => {
  assert.ok(CIDR);
  return { name, address: ip(address), cidr: CIDR, mac: HOST_NIC_1 };
};

async function serverOn(
  network: ReturnType<typeof fakeNetwork>,
  about: { readonly site?: Site; readonly store?: Store; readonly interfaces?: readonly LocalInterface[] } = {},
) {
  const site = about.site ?? sketch({ unknown: "discover" });
  const events: DhcpEvent[] = [];
  const leases = await LeaseTable.open(about.store ?? createMemoryStore());
  const server = createDhcpServer({
    site,
    server: onlyServer(site),
    interfaces: () => about.interfaces ?? [local("e0", "192.168.77.1")],
    plan: (client) => planBoot(site, client, () => ({ kind: "none", why: "none in tests" })),
    leases,
    observer: (event) => events.push(event),
    clock: createFakeClock(),
    log: silentLog,
    sockets: network.opener,
  });
  return { server, events, leases };
}

test("it listens on ports 67 and 4011 of each interface, and lets go of both", async () => {
  const network = fakeNetwork();
  const interfaces = [local("e0", "192.168.77.1"), local("e1", "192.168.77.2")];
  const { server } = await serverOn(network, { interfaces });
  await server.start();
  const sockets = ["e0:67", "e0:4011", "e1:67", "e1:4011"];
  assert.deepEqual(
    network.opened.map(({ device, port }) => `${device}:${port}`),
    sockets,
  );
  await server.stop();
  await server.stop();
  assert.deepEqual(network.closed, sockets);
});

test("a start that fails half-way leaves nothing open", async () => {
  const network = fakeNetwork();
  const interfaces = [local("e0", "192.168.77.1"), local("taken", "192.168.77.2")];
  const { server } = await serverOn(network, { interfaces });
  await assert.rejects(server.start(), /EADDRINUSE/);
  assert.deepEqual(network.closed, ["e0:67", "e0:4011"]);
});

test("several interfaces are refused where sockets cannot be told apart", async () => {
  const network = fakeNetwork({ perDevice: false });
  const interfaces = [local("e0", "192.168.77.1"), local("e1", "192.168.77.2")];
  const { server } = await serverOn(network, { interfaces });
  await assert.rejects(server.start(), { code: "interfaces-inseparable" });
  assert.deepEqual(network.opened, []);
});

test("another site file is served from the next message on, by the sockets that are there", async () => {
  const network = fakeNetwork();
  const { server, events } = await serverOn(network);
  await server.start();
  await network.deliver(encodeDhcp(clientMessage("discover", STRANGER)));
  const [lent] = network.sent.map(({ packet }) => packet.yiaddr);
  assert.ok(lent);
  const site = sketch({ unknown: "discover", hosts: { vm9: { nics: [HOST_NIC_1], address: lent } } });
  const later: DhcpEvent[] = [];
  server.swap({
    ...{ site, server: onlyServer(site), observer: (event: DhcpEvent) => later.push(event) },
    plan: (client) => planBoot(site, client, () => ({ kind: "none", why: "none in tests" })),
  });
  await network.deliver(encodeDhcp(clientMessage("discover", HOST_NIC_1)));
  await network.deliver(encodeDhcp(clientMessage("discover", STRANGER)));
  const [, host, stranger] = network.sent.map(({ packet }) => packet.yiaddr);
  assert.equal(host, lent);
  assert.notEqual(stranger, lent, "an address of a host is not lent");
  assert.deepEqual([events.length, later.length, network.closed.length], [1, 2, 0]);
});

test("a stranger gets the held address, and its lease is in the store before the ACK", async () => {
  const network = fakeNetwork();
  const store = createMemoryStore();
  const { server, events, leases } = await serverOn(network, { store });
  await server.start();
  await network.deliver(encodeDhcp(clientMessage("discover", STRANGER)));
  const address = network.sent[0]?.packet.yiaddr;
  assert.ok(address);
  assert.equal(await store.get(`lease/${address}`), undefined);
  const request = { "server-id": "192.168.77.1", "requested-address": address };
  await network.deliver(encodeDhcp(clientMessage("request", STRANGER, request)));
  assert.ok(await store.get(`lease/${address}`));
  assert.equal(leases.at(address)?.mac, STRANGER);
  assert.deepEqual(
    network.sent.map(({ packet, how }) => `${messageType(packet.options)} ${how}`),
    ["offer frame", "ack frame"],
  );
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ["offer", "ack"],
  );
  assert.deepEqual(server.counters(), { "reply.ack": 1, "reply.offer": 1 });
  assert.deepEqual(
    server.durations?.().map(([name, { count }]) => [name, count]),
    [["answer", 2]],
  );
});

test("while the store is away pool clients get no ACK, hosts get theirs", async () => {
  const network = fakeNetwork();
  const store = createMemoryStore();
  const { server, events } = await serverOn(network, { store });
  await server.start();
  await store.close();
  await network.deliver(encodeDhcp(clientMessage("request", STRANGER, { "requested-address": "192.168.77.100" })));
  assert.deepEqual(network.sent, []);
  await network.deliver(encodeDhcp(clientMessage("request", HOST_NIC_1, { "requested-address": "192.168.77.101" })));
  assert.deepEqual(
    events.map(({ host }) => host),
    ["vm1"],
  );
  assert.deepEqual(server.counters(), { "drop.store-unavailable": 1, "reply.ack": 1 });
});

test("a lease that another server wrote first is not acknowledged", async () => {
  const network = fakeNetwork();
  const store = createMemoryStore();
  const { server } = await serverOn(network, { store });
  await server.start();
  const other = await LeaseTable.open(store);
  await other.commit({ address: ip("192.168.77.100"), mac: HOST_NIC_1, state: "bound", expires: Date.UTC(2027, 0, 1) });
  await network.deliver(encodeDhcp(clientMessage("request", STRANGER, { "requested-address": "192.168.77.100" })));
  assert.deepEqual(network.sent, []);
  assert.deepEqual(server.counters(), { "drop.lease-conflict": 1 });
});

test("a declined address is noted and told", async () => {
  const network = fakeNetwork();
  const { server, events } = await serverOn(network);
  await server.start();
  await network.deliver(encodeDhcp(clientMessage("decline", HOST_NIC_1, { "requested-address": "192.168.77.101" })));
  assert.deepEqual(network.sent, []);
  assert.deepEqual([events[0]?.kind, events[0]?.host], ["decline", "vm1"]);
  assert.deepEqual(server.counters(), { "note.decline": 1 });
});

test("whatever comes in, the next message is served", async () => {
  const network = fakeNetwork();
  const { server } = await serverOn(network, { site: sketch({}) });
  await server.start();
  const broken = clientMessage("request", HOST_NIC_1, { "server-id": Uint8Array.of(1) });
  const stranger = clientMessage("discover", STRANGER);
  for (const bytes of [new Uint8Array(), encodeDhcp(broken), encodeDhcp(stranger)]) await network.deliver(bytes);
  await network.deliver(encodeDhcp(clientMessage("discover", HOST_NIC_1)));
  assert.deepEqual(server.counters(), { "drop.malformed": 2, "drop.unknown-host": 1, "reply.offer": 1 });
});

test("a reply that cannot be sent is counted, and is no event", async () => {
  const network = fakeNetwork({ failSends: true });
  const { server, events } = await serverOn(network);
  await server.start();
  await network.deliver(encodeDhcp(clientMessage("discover", HOST_NIC_1, {}, { flags: 0x8000 })));
  assert.deepEqual(server.counters(), { "drop.send-failed": 1 });
  assert.deepEqual(events, []);
});
