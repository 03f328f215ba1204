/** Asking a LAN by ARP and by DHCP, with a tap that stands in for the wire. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ANY_IPV4, BROADCAST_IPV4, type Ipv4, ipv4ToBytes, type Mac, macToBytes } from "../../../src/base/address.ts";
import { arpProbe, probeArp } from "../../../src/net/arp.ts";
import { localMac, probeDhcp } from "../../../src/net/dhcp-probe.ts";
import { ipUdpPacket, readIpUdp } from "../../../src/net/ip-packet.ts";
import { packetFilter } from "../../../src/net/packet-filter.ts";
import type { HeardPacket, PacketTap } from "../../../src/net/packet-tap.ts";
import { ownersOfPort, waitingInodes } from "../../../src/net/socket-owners.ts";
import { ipv4Value, messageType, messageTypeValue, OPTION, textValue } from "../../../src/wire/dhcp-options.ts";
import { type DhcpPacket, decodeDhcp, encodeDhcp } from "../../../src/wire/dhcp-packet.ts";
import { createFakeClock, type FakeClock } from "../../support/fake-clock.ts";

const OWN = "02:00:00:00:00:11" as Mac;
const OTHER = "02:00:00:00:00:22" as Mac;
const ip = (text: string) => text as Ipv4;

/** Answers each packet that is sent at once. */
class EchoTap implements PacketTap {
  readonly sent: Uint8Array[] = [];
  closed = false;
  private waiting: HeardPacket[] = [];
  private readonly answer: (packet: Uint8Array) => readonly HeardPacket[];

  constructor(answer: (packet: Uint8Array) => readonly HeardPacket[]) {
    this.answer = answer;
  }

  send(packet: Uint8Array): void {
    this.sent.push(packet);
    this.waiting.push(...this.answer(packet));
  }

  read(): readonly HeardPacket[] {
    return this.waiting.splice(0);
  }

  close(): void {
    this.closed = true;
  }
}

/** Moves the clock until `running` is over. */
async function overTime<T>(clock: FakeClock, running: Promise<T>): Promise<T> {
  let isOver = false;
  const over = running.finally(() => {
    isOver = true;
  });
  over.catch(() => undefined);
  while (!isOver) {
    clock.advance(50);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return over;
}

test("an ARP probe asks for an address and claims none (RFC 5227 section 2.1.1)", () => {
  const bytes = Buffer.from(arpProbe(OWN, ip("10.0.0.7"))).toString("hex");
  assert.equal(bytes, "0001080006040001" + "02000000001100000000" + "0000000000000a000007");
});

test("all who answer ARP for an address are told, and other talk is not", async () => {
  const clock = createFakeClock();
  const says = (mac: Mac, address: string, operation = 2): HeardPacket => {
    const bytes = arpProbe(mac, ip("0.0.0.0"));
    bytes[7] = operation;
    bytes.set(ipv4ToBytes(ip(address)), 14);
    return { bytes, from: mac };
  };
  const tap = new EchoTap(() => [
    says(OWN, "10.0.0.7"),
    says(OTHER, "10.0.0.7"),
    says(OTHER, "10.0.0.99"),
    { bytes: new Uint8Array(3), from: OTHER },
  ]);
  const probing = { device: "eth0", mac: OWN, addresses: [ip("10.0.0.7"), ip("10.0.0.8")], clock };
  const found = await overTime(
    clock,
    probeArp({ ...probing, signal: new AbortController().signal, open: async () => tap }),
  );
  assert.deepEqual(
    [...found],
    [
      ["10.0.0.7", [OWN, OTHER]],
      ["10.0.0.8", []],
    ],
  );
  assert.equal(tap.sent.length, 4);
  assert.equal(tap.closed, true);
});

test("a probe that is stopped closes its device", async () => {
  const clock = createFakeClock();
  const tap = new EchoTap(() => []);
  const signal = AbortSignal.abort(new Error("stopped"));
  const running = probeArp({ device: "eth0", mac: OWN, addresses: [], clock, signal, open: async () => tap });
  await assert.rejects(overTime(clock, running), /stopped/);
  assert.equal(tap.closed, true);
});

function reply(
  asked: DhcpPacket,
  from: string,
  change: Partial<DhcpPacket>,
  options: ReadonlyArray<[number, Uint8Array]>,
) {
  const answer: DhcpPacket = {
    ...asked,
    op: "reply",
    ...change,
    options: new Map([[OPTION["message-type"], messageTypeValue("offer")], ...options]),
  };
  const port = { from: { address: ip(from), port: 67 }, to: { address: BROADCAST_IPV4, port: 68 } };
  return { bytes: ipUdpPacket({ ...port, payload: encodeDhcp(answer) }), from: OTHER };
}

test("each DHCP server is told once, with what it gives; answers to other machines are not", async () => {
  const clock = createFakeClock();
  const tap = new EchoTap((packet) => {
    const datagram = readIpUdp(packet);
    assert.ok(datagram);
    assert.deepEqual([datagram.from.address, datagram.from.port, datagram.to.port], [ANY_IPV4, 68, 67]);
    const asked = decodeDhcp(datagram.payload);
    assert.equal(messageType(asked.options), "discover");
    const stranger = new Uint8Array(16);
    stranger.set(macToBytes(OTHER));
    return [
      reply(asked, "10.0.0.1", { yiaddr: ip("10.0.0.50") }, [[OPTION["server-id"], ipv4Value(ip("10.9.9.9"))]]),
      reply(asked, "10.0.0.2", {}, [[OPTION["vendor-class"], textValue("PXEClient")]]),
      reply(asked, "10.0.0.3", { chaddr: stranger, yiaddr: ip("10.0.0.51") }, []),
      {
        bytes: ipUdpPacket({
          from: { address: ip("10.0.0.4"), port: 67 },
          to: { address: ANY_IPV4, port: 68 },
          payload: new Uint8Array(9),
        }),
        from: OTHER,
      },
    ];
  });
  const probing = { device: "eth0", random: Uint8Array.of(0xff, 1, 2, 3, 4, 5, 6, 7), clock };
  const offers = await overTime(
    clock,
    probeDhcp({ ...probing, signal: new AbortController().signal, open: async () => tap }),
  );
  assert.deepEqual(offers, [
    { server: "10.9.9.9", mac: OTHER, address: "10.0.0.50", boots: false },
    { server: "10.0.0.2", mac: OTHER, boots: true },
  ]);
  assert.equal(tap.sent.length, 2);
});

test("a made-up MAC address is local and unicast, whatever the dice say", () => {
  for (let byte = 0; byte < 256; byte++) {
    const first = Number.parseInt(localMac(Uint8Array.of(byte, 1, 2, 3, 4, 5)).slice(0, 2), 16);
    assert.equal(first & 3, 2);
  }
});

test("what is no whole UDP datagram is not read", () => {
  const whole = ipUdpPacket({
    from: { address: ip("10.0.0.1"), port: 1 },
    to: { address: ip("10.0.0.2"), port: 2 },
    payload: Uint8Array.of(1, 2, 3),
  });
  assert.deepEqual([...(readIpUdp(whole)?.payload ?? [])], [1, 2, 3]);
  const changed = (at: number, value: number) => whole.with(at, value);
  const broken = [
    new Uint8Array(),
    whole.subarray(0, 27),
    whole.subarray(0, 30),
    changed(0, 0x65),
    changed(0, 0x44),
    changed(6, 0x20),
    changed(7, 1),
    changed(9, 6),
    changed(25, 7),
  ];
  for (const packet of broken) assert.equal(readIpUdp(packet), undefined, Buffer.from(packet).toString("hex"));
  assert.notEqual(readIpUdp(changed(6, 0x40)), undefined, "do not fragment");
});

test("a filter is an array of eight-byte instructions; ARP needs none", () => {
  assert.equal(packetFilter("arp").length, 0);
  assert.equal(packetFilter("vrrp").length, 4 * 8);
  assert.equal(packetFilter("dhcp-client").length, 7 * 8);
});

/** Of Linux 6.18; the first one listens, the second is connected. */
const UDP_TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  351: 00000000:0043 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 5551 2 000 0
  352: 0100007F:0043 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 5552 2 000 0
  353: 00000000:0045 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 5553 2 000 0
`;

test("who listens on a port is found by its socket", async (context) => {
  assert.deepEqual(waitingInodes(UDP_TABLE, "07", 67), ["5551"]);
  const root = await mkdtemp(join(tmpdir(), "everboot-owners-"));
  context.after(() => rm(root, { recursive: true }));
  await mkdir(join(root, "proc/net"), { recursive: true });
  await writeFile(join(root, "proc/net/udp"), UDP_TABLE);
  for (const [pid, inode] of [
    [12, 5553],
    [7, 5551],
  ]) {
    await mkdir(join(root, `proc/${pid}/fd`), { recursive: true });
    await writeFile(join(root, `proc/${pid}/comm`), "dnsmasq\n");
    await symlink(`socket:[${inode}]`, join(root, `proc/${pid}/fd/3`));
  }
  assert.deepEqual(await ownersOfPort("udp", 67, root), [{ pid: 7, program: "dnsmasq" }]);
  assert.deepEqual(await ownersOfPort("udp", 68, root), []);
  assert.deepEqual(await ownersOfPort("tcp", 67, root), []);
});
