import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ipv4 } from "../../../../src/base/address.ts";
import { DecodeError } from "../../../../src/base/bytes.ts";
import type { DhcpContext } from "../../../../src/server/dhcp/exchange.ts";
import type { DropReason } from "../../../../src/server/dhcp/verdict.ts";
import { ipv4Option, messageType, OPTION, textOption, u32Option } from "../../../../src/wire/dhcp-options.ts";
import type { DhcpPacket } from "../../../../src/wire/dhcp-packet.ts";
import {
  ask,
  HOST_NIC_1,
  HOST_NIC_2,
  NOW,
  REMOTE_NIC,
  replyOf,
  STRANGER,
  sketch,
  TO_ALL,
} from "../../../support/dhcp-context.ts";
import { clientMessage } from "../../../support/dhcp-messages.ts";
import { ip } from "../../../support/dhcp-site.ts";

const SERVER = ip("192.168.77.1");
const HOME = ip("192.168.77.101");
const FAR_LINK = { device: "e1", addresses: [ip("172.16.0.1")] } as const;

for (const nic of [HOST_NIC_1, HOST_NIC_2]) {
  test(`${nic} is vm1: it is offered vm1's address, whatever it wishes and calls itself`, () => {
    const options = { "requested-address": "192.168.77.150", "client-id": Uint8Array.of(255, 1, 2, 3) };
    const { packet, to, event, change } = replyOf(ask(clientMessage("discover", nic, options)));
    assert.equal(messageType(packet.options), "offer");
    assert.equal(packet.yiaddr, HOME);
    assert.deepEqual(to, { kind: "frame", mac: nic, address: HOME, port: 68 });
    assert.equal(change, undefined, "a host's address needs no lease");
    assert.deepEqual([event.kind, event.host, event.address, event.interface], ["offer", "vm1", HOME, "e0"]);
    assert.deepEqual([event.at, event.xid, event.mac], [NOW, 0x0badcafe, nic]);
  });
}

test("an offer holds what the network needs, and no boot options for an ordinary client", () => {
  const { packet } = replyOf(ask(clientMessage("discover", HOST_NIC_1)));
  const text = (name: "host-name" | "domain") => textOption(packet.options, name);
  assert.equal(ipv4Option(packet.options, "netmask"), "255.255.255.0");
  assert.equal(ipv4Option(packet.options, "router"), "192.168.77.254");
  assert.equal(ipv4Option(packet.options, "dns"), SERVER, "no name server in the site file: the server itself");
  assert.equal(ipv4Option(packet.options, "broadcast"), "192.168.77.255");
  assert.equal(ipv4Option(packet.options, "server-id"), SERVER);
  assert.deepEqual([text("host-name"), text("domain")], ["vm1", "lab.example"]);
  const times = ["lease-time", "renewal-time", "rebinding-time"] as const;
  assert.deepEqual(
    times.map((name) => u32Option(packet.options, name)),
    [4000, 2000, 3500],
  );
  const boot = ["vendor-class", "vendor-options", "tftp-server", "boot-file"] as const;
  assert.deepEqual(
    boot.filter((name) => packet.options.has(OPTION[name])),
    [],
  );
  assert.deepEqual([packet.siaddr, packet.file, packet.sname], ["0.0.0.0", "", ""]);
});

type Row = readonly [
  name: string,
  message: DhcpPacket,
  want: "ack" | "nak" | DropReason,
  context?: Partial<DhcpContext>,
];

const WRONG = "192.168.77.140";
const using = (address: string) => ({ ciaddr: ip(address) });
const relayed = (giaddr: string) => ({ giaddr: ip(giaddr) });
const far = (type: "discover" | "request", wish: string) =>
  clientMessage(type, HOST_NIC_1, { "requested-address": wish }, relayed("10.2.0.1"));

/** RFC 2131 section 4.3.2, table 4. */
const REQUESTS: readonly Row[] = [
  ["selecting", clientMessage("request", HOST_NIC_1, { "server-id": SERVER, "requested-address": HOME }), "ack"],
  [
    "selecting, wrong",
    clientMessage("request", HOST_NIC_1, { "server-id": SERVER, "requested-address": WRONG }),
    "nak",
  ],
  [
    "selecting another server",
    clientMessage("request", HOST_NIC_1, { "server-id": "192.168.77.9", "requested-address": HOME }),
    "other-server",
  ],
  ["init-reboot", clientMessage("request", HOST_NIC_1, { "requested-address": HOME }), "ack"],
  ["init-reboot, wrong", clientMessage("request", HOST_NIC_1, { "requested-address": WRONG }), "nak"],
  ["init-reboot, wrong net", clientMessage("request", HOST_NIC_1, { "requested-address": "10.9.9.9" }), "nak"],
  ["renewing", clientMessage("request", HOST_NIC_1, {}, using(HOME)), "ack"],
  ["renewing, wrong", clientMessage("request", HOST_NIC_1, {}, using(WRONG)), "nak"],
  ["renewing an address of elsewhere", clientMessage("request", HOST_NIC_1, {}, using("10.9.9.9")), "nak"],
  ["no address at all", clientMessage("request", HOST_NIC_1), "malformed"],
  ["discover in another subnet", far("discover", HOME), "other-subnet"],
  ["its address asked for in another subnet", far("request", HOME), "nak"],
  ["a stranger's discover", clientMessage("discover", STRANGER), "unknown-host"],
  [
    "a stranger's wrong request gets no NAK",
    clientMessage("request", STRANGER, { "requested-address": HOME }),
    "unknown-host",
  ],
  ["a stranger's inform", clientMessage("inform", STRANGER, {}, using(WRONG)), "unknown-host"],
  ["behind an unlisted relay", clientMessage("discover", HOST_NIC_1, {}, relayed("172.31.0.1")), "no-subnet"],
  ["on an unlisted network", clientMessage("discover", HOST_NIC_1), "no-subnet", { link: FAR_LINK }],
  ["a server's message", clientMessage("offer", HOST_NIC_1), "unknown-message"],
  ["plain BOOTP", clientMessage("discover", HOST_NIC_1, {}, { options: new Map() }), "unknown-message"],
  ["a reply", clientMessage("offer", HOST_NIC_1, {}, { op: "reply" }), "not-a-request"],
  ["InfiniBand", clientMessage("discover", HOST_NIC_1, {}, { htype: 32, hlen: 0 }), "not-ethernet"],
];

for (const [name, message, want, context] of REQUESTS) {
  test(`${name}: ${want}`, () => {
    const verdict = ask(message, undefined, context);
    const got = verdict.kind === "drop" ? verdict.reason : replyOf(verdict).event.kind;
    assert.equal(got, want);
    if (verdict.kind === "reply") assert.equal(messageType(verdict.packet.options), want);
  });
}

test("an ACK to a renewal goes to the address in use and repeats it", () => {
  const { packet, to } = replyOf(ask(clientMessage("request", HOST_NIC_1, {}, using(HOME))));
  assert.deepEqual([packet.ciaddr, packet.yiaddr], [HOME, HOME]);
  assert.deepEqual(to, { kind: "unicast", address: HOME, port: 68 });
});

test("a NAK is a broadcast without an address; a relay is told to broadcast it", () => {
  const local = replyOf(ask(clientMessage("request", HOST_NIC_1, {}, using(WRONG))));
  assert.deepEqual(local.to, TO_ALL);
  assert.deepEqual([local.packet.yiaddr, local.packet.ciaddr, local.packet.flags], ["0.0.0.0", "0.0.0.0", 0]);
  assert.deepEqual([...local.packet.options.keys()], [OPTION["message-type"], OPTION["server-id"], OPTION.message]);
  const behindRelay = replyOf(ask(far("request", HOME)));
  assert.deepEqual(behindRelay.to, { kind: "unicast", address: ip("10.2.0.1"), port: 67 });
  assert.equal(behindRelay.packet.flags, 0x8000);
});

test("INFORM is answered with options alone", () => {
  const { packet, to, event } = replyOf(ask(clientMessage("inform", HOST_NIC_1, {}, using(HOME))));
  assert.equal(messageType(packet.options), "ack");
  assert.deepEqual([packet.yiaddr, packet.ciaddr], ["0.0.0.0", HOME]);
  assert.equal(packet.options.has(OPTION["lease-time"]), false);
  assert.equal(ipv4Option(packet.options, "dns"), SERVER);
  assert.deepEqual(to, { kind: "unicast", address: HOME, port: 68 });
  assert.deepEqual([event.kind, event.address], ["inform", HOME]);
});

test("DECLINE and RELEASE of a host's address are noted, not answered", () => {
  const declined = ask(clientMessage("decline", HOST_NIC_1, { "requested-address": HOME, "server-id": SERVER }));
  assert.equal(declined.kind === "note" && declined.event.kind, "decline");
  assert.equal(declined.kind === "note" && declined.event.address, HOME);
  const released = ask(clientMessage("release", HOST_NIC_1, { "server-id": SERVER }, using(HOME)));
  assert.equal(released.kind === "note" && released.event.kind, "release");
  const others: ReadonlyArray<readonly [DhcpPacket, DropReason]> = [
    [clientMessage("decline", HOST_NIC_1, { "requested-address": WRONG }), "no-lease"],
    [clientMessage("decline", HOST_NIC_1), "malformed"],
    [clientMessage("decline", HOST_NIC_1, { "requested-address": HOME, "server-id": "192.168.77.9" }), "other-server"],
    [clientMessage("release", HOST_NIC_1, {}, using(WRONG)), "no-lease"],
    [clientMessage("release", HOST_NIC_1), "malformed"],
    [clientMessage("release", HOST_NIC_1, { "server-id": "192.168.77.9" }, using(HOME)), "other-server"],
  ];
  for (const [message, reason] of others) assert.deepEqual(ask(message), { kind: "drop", reason });
});

test("where a reply goes when the client has no address yet", () => {
  const discover = (flags: number) => clientMessage("discover", HOST_NIC_1, {}, { flags });
  assert.equal(replyOf(ask(discover(0))).to.kind, "frame");
  assert.deepEqual(replyOf(ask(discover(0x8000))).to, TO_ALL);
  assert.deepEqual(replyOf(ask(discover(0), undefined, { sendsFrames: false })).to, TO_ALL);
});

test("relay: the subnet is giaddr's, the answer goes to the relay, with its option 82 as the last option", () => {
  const agent = Uint8Array.of(1, 2, 0xca, 0xfe);
  const options = { "relay-agent": agent, "client-uuid": Uint8Array.of(0, ...new Uint8Array(16)), "client-id": "me" };
  const message = clientMessage("discover", REMOTE_NIC, options, { ...relayed("10.2.0.1"), hops: 1, flags: 0x8000 });
  const { packet, to, event } = replyOf(ask(message));
  assert.equal(packet.yiaddr, "10.2.0.21");
  assert.deepEqual([packet.giaddr, packet.hops, packet.flags, packet.xid], ["10.2.0.1", 1, 0x8000, 0x0badcafe]);
  assert.deepEqual(to, { kind: "unicast", address: ip("10.2.0.1"), port: 67 });
  for (const name of ["relay-agent", "client-uuid", "client-id"] as const) {
    assert.deepEqual(packet.options.get(OPTION[name]), message.options.get(OPTION[name]), name);
  }
  assert.equal(ipv4Option(packet.options, "server-id"), SERVER);
  assert.equal(event.relay, "10.2.0.1");
});

test("option 82.5 and option 118 choose the subnet, 82.11 the server identifier that is then accepted", () => {
  const selection = Uint8Array.of(5, 4, 10, 2, 0, 0, 11, 4, 10, 2, 0, 9);
  const fields = relayed("172.31.0.1");
  const offered = replyOf(ask(clientMessage("discover", REMOTE_NIC, { "relay-agent": selection }, fields)));
  assert.equal(offered.packet.yiaddr, "10.2.0.21");
  assert.equal(ipv4Option(offered.packet.options, "server-id"), "10.2.0.9");
  const request = { "relay-agent": selection, "server-id": "10.2.0.9", "requested-address": "10.2.0.21" };
  assert.equal(replyOf(ask(clientMessage("request", REMOTE_NIC, request, fields))).event.kind, "ack");
  const chosen = replyOf(ask(clientMessage("discover", REMOTE_NIC, { "subnet-selection": "10.2.0.0" }, fields)));
  assert.equal(chosen.packet.yiaddr, "10.2.0.21");
  assert.equal(ipv4Option(chosen.packet.options, "subnet-selection"), "10.2.0.0");
});

test("an interface with addresses in two subnets: the host's own one counts", () => {
  const addresses: readonly [Ipv4, Ipv4] = [SERVER, ip("10.2.0.7")];
  const { packet } = replyOf(
    ask(clientMessage("discover", REMOTE_NIC), undefined, { link: { device: "e0", addresses } }),
  );
  assert.deepEqual([packet.yiaddr, ipv4Option(packet.options, "server-id")], ["10.2.0.21", "10.2.0.7"]);
});

test("a subnet with DHCP off is left alone", () => {
  const site = sketch({ subnets: [{ cidr: "192.168.77.0/24", dhcp: "off" }] });
  assert.deepEqual(ask(clientMessage("discover", HOST_NIC_1), site), { kind: "drop", reason: "dhcp-off" });
});

test("a broken option that matters is a DecodeError, which the loop counts as malformed", () => {
  const message = clientMessage("request", HOST_NIC_1, { "server-id": Uint8Array.of(1, 2) });
  assert.throws(() => ask(message), DecodeError);
});
