import assert from "node:assert/strict";
import { test } from "node:test";
import { DecodeError } from "../../../src/base/bytes.ts";
import { describeDhcp } from "../../../src/wire/dhcp-describe.ts";
import {
  ipv4Option,
  messageType,
  OPTION,
  textOption,
  u16ListOption,
  u32Option,
  u32Value,
  uuidOption,
} from "../../../src/wire/dhcp-options.ts";
import { clientMac, decodeDhcp, encodeDhcp, wantsBroadcast } from "../../../src/wire/dhcp-packet.ts";
import { ipxeNoProxy, pxeSkipDiscovery } from "../../../src/wire/dhcp-pxe.ts";
import { relayAgentInfo } from "../../../src/wire/dhcp-relay.ts";
import { clientMessage, FIRMWARE } from "../../support/dhcp-messages.ts";
import { ip, mac } from "../../support/dhcp-site.ts";

const NIC = mac("52:54:00:00:00:01");
const OPTIONS_AT = 240;

/** A DISCOVER with these bytes in place of its options. */
function withOptionBytes(options: readonly number[], edit: (bytes: Uint8Array) => void = () => {}): Uint8Array {
  const fixed = encodeDhcp(clientMessage("discover", NIC)).subarray(0, OPTIONS_AT);
  const bytes = Uint8Array.from([...fixed, ...options]);
  edit(bytes);
  return bytes;
}

test("message type first, relay agent information last, the others by code", () => {
  const packet = clientMessage("discover", NIC, {
    "relay-agent": "r",
    ipxe: "i",
    "host-name": "h",
    "server-id": "1.2.3.4",
  });
  const bytes = encodeDhcp(packet);
  assert.equal(
    Buffer.from(bytes.subarray(OPTIONS_AT, OPTIONS_AT + 20)).toString("hex"),
    "350101" + "0c0168" + "360401020304" + "af0169" + "520172" + "ff00",
  );
  assert.equal(bytes.length, 300);
});

test("a value over 255 bytes is split and joined again (RFC 3396)", () => {
  const long = Uint8Array.from({ length: 600 }, (_, index) => index);
  const bytes = encodeDhcp(clientMessage("discover", NIC, { "vendor-options": long }));
  assert.deepEqual(
    [bytes[243], bytes[244], bytes[500], bytes[501], bytes[757], bytes[758]],
    [43, 255, 43, 255, 43, 90],
  );
  assert.deepEqual(decodeDhcp(bytes).options.get(OPTION["vendor-options"]), long);
});

test("options that overflow into file and sname are read in that order (RFC 2131 section 4.1)", () => {
  const bytes = withOptionBytes([53, 1, 1, 52, 1, 3, 12, 1, 0x61, 255], (packet) => {
    packet.set([12, 1, 0x62, 255], 108);
    packet.set([12, 1, 0x63, 255], 44);
  });
  const packet = decodeDhcp(bytes);
  assert.equal(textOption(packet.options, "host-name"), "abc");
  assert.deepEqual([packet.file, packet.sname, packet.options.has(OPTION.overload)], ["", "", false]);
});

test("unknown options survive", () => {
  const packet = decodeDhcp(withOptionBytes([224, 2, 7, 8, 255]));
  assert.deepEqual(decodeDhcp(encodeDhcp(packet)).options.get(224), Uint8Array.of(7, 8));
});

test("a missing end mark is forgiven, pads are skipped", () => {
  const packet = decodeDhcp(withOptionBytes([0, 0, 53, 1, 3]));
  assert.equal(messageType(packet.options), "request");
});

const BROKEN: ReadonlyArray<readonly [string, Uint8Array]> = [
  ["empty", new Uint8Array()],
  ["cut before the cookie", withOptionBytes([]).subarray(0, 239)],
  ["another cookie", withOptionBytes([255], (bytes) => bytes.set([1, 2, 3, 4], 236))],
  ["op 3", withOptionBytes([255], (bytes) => bytes.set([3], 0))],
  ["hardware address of 17 bytes", withOptionBytes([255], (bytes) => bytes.set([17], 2))],
  ["option without a length", withOptionBytes([53])],
  ["option cut short", withOptionBytes([12, 5, 1, 2])],
  ["overload of 4", withOptionBytes([52, 1, 4, 255])],
];

for (const [name, bytes] of BROKEN) {
  test(`refused: ${name}`, () => assert.throws(() => decodeDhcp(bytes), DecodeError));
}

test("typed options: absent is undefined, malformed throws", () => {
  const { options } = clientMessage("discover", NIC, { "host-name": "web\0junk", "lease-time": u32Value(0xfffffffe) });
  assert.equal(ipv4Option(options, "server-id"), undefined);
  assert.equal(u32Option(options, "lease-time"), 0xfffffffe);
  assert.equal(textOption(options, "host-name"), "web");
  assert.deepEqual(u16ListOption(options, "client-arch"), []);
  const broken = new Map([
    [OPTION["server-id"], Uint8Array.of(1, 2, 3)],
    [OPTION["client-arch"], Uint8Array.of(0)],
    [OPTION["message-type"], Uint8Array.of()],
  ]);
  assert.throws(() => ipv4Option(broken, "server-id"), DecodeError);
  assert.throws(() => u16ListOption(broken, "client-arch"), DecodeError);
  assert.throws(() => messageType(broken), DecodeError);
});

test("several architectures, and a UUID only of the type that RFC 4578 knows", () => {
  const uuid = Uint8Array.from({ length: 17 }, (_, index) => index);
  const { options } = clientMessage("discover", NIC, { "client-arch": Uint8Array.of(0, 7, 0, 9), "client-uuid": uuid });
  assert.deepEqual(u16ListOption(options, "client-arch"), [7, 9]);
  assert.deepEqual(uuidOption(options), uuid.subarray(1));
  assert.equal(uuidOption(new Map([[OPTION["client-uuid"], Uint8Array.of(255, ...uuid.subarray(1))]])), undefined);
});

test("relay agent information", () => {
  const bytes = Uint8Array.of(1, 2, 0xaa, 0xbb, 2, 1, 0xcc, 5, 4, 10, 0, 2, 0, 11, 4, 10, 0, 1, 9, 151, 0);
  assert.deepEqual(relayAgentInfo(new Map([[OPTION["relay-agent"], bytes]])), {
    circuitId: Uint8Array.of(0xaa, 0xbb),
    remoteId: Uint8Array.of(0xcc),
    linkSelection: ip("10.0.2.0"),
    serverIdOverride: ip("10.0.1.9"),
  });
  assert.equal(relayAgentInfo(new Map()), undefined);
  assert.throws(() => relayAgentInfo(new Map([[OPTION["relay-agent"], Uint8Array.of(5, 4, 1)]])), DecodeError);
  assert.throws(() => relayAgentInfo(new Map([[OPTION["relay-agent"], Uint8Array.of(11, 1, 1)]])), DecodeError);
});

test("what PXE firmware and iPXE are told", () => {
  assert.deepEqual(pxeSkipDiscovery(), Uint8Array.of(6, 1, 8, 255));
  assert.deepEqual(ipxeNoProxy(), Uint8Array.of(0xb0, 1, 1));
});

test("header facts", () => {
  const packet = clientMessage("discover", NIC, {}, { flags: 0x8000 });
  assert.equal(clientMac(packet), NIC);
  assert.equal(clientMac({ ...packet, htype: 32 }), undefined);
  assert.equal(wantsBroadcast(packet), true);
  assert.equal(wantsBroadcast({ ...packet, flags: 0x7fff }), false);
  assert.throws(() => encodeDhcp({ ...packet, file: "x".repeat(129) }), RangeError);
});

test("one line about a message", () => {
  const packet = clientMessage("discover", NIC, FIRMWARE.uefi, { giaddr: ip("10.0.0.1") });
  assert.equal(
    describeDhcp(packet),
    'DISCOVER 52:54:00:00:00:01 xid=0badcafe giaddr=10.0.0.1 class="PXEClient:Arch:00007:UNDI:003016"',
  );
  const hostile = { ...packet, htype: 6, options: new Map([[OPTION["boot-file"], Uint8Array.of(10, 34)]]) };
  assert.equal(describeDhcp(hostile), 'BOOTP-REQUEST htype 6 xid=0badcafe giaddr=10.0.0.1 file="\\n\\""');
});
