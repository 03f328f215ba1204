import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import fc from "fast-check";
import { ipv4FromNumber } from "../../../src/base/address.ts";
import { localInterfaces } from "../../../src/net/interfaces.ts";
import { ipUdpPacket } from "../../../src/net/ip-packet.ts";
import { type UdpPeer, udpOpener } from "../../../src/net/udp.ts";
import { checksum } from "../../../src/wire/internet-checksum.ts";
import { ip } from "../../support/dhcp-site.ts";

test("local interfaces: IPv4 alone, aliases by their device, the subnet without host bits", () => {
  const common = { mac: "52:54:00:00:00:01", internal: false } as const;
  const found = localInterfaces(() => ({
    e0: [
      { ...common, family: "IPv4", address: "192.168.77.9", netmask: "255.255.255.0", cidr: "192.168.77.9/24" },
      { ...common, family: "IPv6", address: "fe80::1", netmask: "ffff::", cidr: "fe80::1/64", scopeid: 2 },
    ],
    "e0:1": [{ ...common, family: "IPv4", address: "10.1.2.3", netmask: "255.255.240.0", cidr: "10.1.2.3/20" }],
    down: undefined,
  }));
  assert.deepEqual(found, [
    { name: "e0", address: "192.168.77.9", cidr: { base: "192.168.77.0", prefix: 24 }, mac: common.mac },
    { name: "e0", address: "10.1.2.3", cidr: { base: "10.1.0.0", prefix: 20 }, mac: common.mac },
  ]);
  assert.ok(localInterfaces().some(({ address, cidr }) => address === "127.0.0.1" && cidr.prefix === 8));
});

test("an IP packet with known checksums", () => {
  const packet = ipUdpPacket({
    from: { address: ip("192.168.0.1"), port: 67 },
    to: { address: ip("192.168.0.2"), port: 68 },
    payload: new TextEncoder().encode("abc"),
  });
  // Checked with tshark (ip.check_checksum, udp.check_checksum).
  assert.equal(
    Buffer.from(packet).toString("hex"),
    "4500001f0000000040" + "11f97ac0a80001c0a80002" + "00430044000bb99a6162" + "63",
  );
});

test("both checksums of an IP packet verify: the sum over them is zero", () => {
  const address = fc.integer({ min: 0, max: 0xffffffff }).map(ipv4FromNumber);
  const peer = fc.record({ address, port: fc.nat(0xffff) });
  fc.assert(
    fc.property(peer, peer, fc.uint8Array({ maxLength: 600 }), (from, to, payload) => {
      const packet = ipUdpPacket({ from, to, payload });
      assert.equal(checksum(packet.subarray(0, 20), 0), 0);
      const pseudoHeader = Uint8Array.from([...packet.subarray(12, 20), 0, 17, ...packet.subarray(24, 26)]);
      const udp = packet.subarray(20);
      const sum = 0xffff - checksum(pseudoHeader, 0);
      assert.equal(checksum(udp, sum), 0);
    }),
  );
});

test("a plain socket serves one interface, and a taken port is told as such", async () => {
  const opener = await udpOpener("absent");
  assert.equal(opener.perDevice, false);
  const taken = createSocket("udp4");
  taken.bind(0, "0.0.0.0");
  await once(taken, "listening");
  const { port } = taken.address();
  const request = { device: "lo", address: ip("127.0.0.1"), port, receive: () => {}, failed: () => {} };
  await assert.rejects(opener.open(request), { code: "port-in-use" });
  taken.close();
  await once(taken, "close");
  const heard = Promise.withResolvers<{ text: string; from: UdpPeer }>();
  const receive = (bytes: Uint8Array, from: UdpPeer) => heard.resolve({ text: Buffer.from(bytes).toString(), from });
  const socket = await opener.open({ ...request, receive });
  assert.equal(socket.sendsFrames, false);
  await socket.send(Buffer.from("hello"), { address: ip("127.0.0.1"), port });
  assert.deepEqual(await heard.promise, { text: "hello", from: { address: "127.0.0.1", port } });
  await socket.close();
});

const noDevices = process.getuid?.() === 0 ? undefined : "a socket of a device needs root";

test("a rack that asks at once is heard in one turn of the event loop, in order", { skip: noDevices }, async () => {
  const opener = await udpOpener();
  assert.ok(opener.perDevice);
  const sender = createSocket("udp4");
  sender.bind(0, "127.0.0.1");
  await once(sender, "listening");
  // Any port that is free: that of a socket that is closed again.
  const { port } = sender.address();
  sender.close();
  await once(sender, "close");
  const heard: number[] = [];
  const turnOver = Promise.withResolvers<number>();
  const socket = await opener.open({
    ...{ device: "lo", address: ip("127.0.0.1"), port, failed: () => {} },
    receive: (bytes) => {
      if (heard.length === 0) setImmediate(() => turnOver.resolve(heard.length));
      heard.push(bytes[0] ?? 0);
    },
  });
  const asked = Array.from({ length: 200 }, (_, number) => number);
  const done = asked.map((number) => socket.send(Uint8Array.of(number), { address: ip("127.0.0.1"), port }));
  // libuv alone would hear 32.
  assert.ok((await turnOver.promise) >= 128);
  await Promise.all(done);
  assert.deepEqual(heard, asked);
  await socket.close();
});
