import assert from "node:assert/strict";
import { test } from "node:test";
import type { DhcpContext } from "../../../../src/server/dhcp/exchange.ts";
import { messageType, OPTION, textOption } from "../../../../src/wire/dhcp-options.ts";
import type { DhcpPacket } from "../../../../src/wire/dhcp-packet.ts";
import { ask, HOST_NIC_1, NOW, replyOf, STRANGER, sketch, TO_ALL } from "../../../support/dhcp-context.ts";
import { clientMessage, FIRMWARE } from "../../../support/dhcp-messages.ts";
import { ip } from "../../../support/dhcp-site.ts";

const SKIP_DISCOVERY = Uint8Array.of(6, 1, 8, 255);
const PROXY_SITE = sketch({ subnets: [{ cidr: "192.168.77.0/24", dhcp: "proxy" }] });
const PXE_PORT: Partial<DhcpContext> = { service: "pxe", source: { address: ip("192.168.77.33"), port: 4011 } };
const SCRIPT = "http://192.168.77.1/boot/ipxe/52-54-00-00-00-01";

/** What a reply tells firmware to load: siaddr, sname, file, options 66, 67, 60, 43, 175. */
function bootOf(packet: DhcpPacket) {
  const { siaddr, sname, file, options } = packet;
  return {
    fields: [siaddr, sname, file],
    server: textOption(options, "tftp-server"),
    bootFile: textOption(options, "boot-file"),
    vendorClass: textOption(options, "vendor-class"),
    vendorOptions: options.get(OPTION["vendor-options"]),
    ipxe: options.get(OPTION.ipxe),
  };
}

const loader = (file: string) => ({
  fields: ["192.168.77.1", "192.168.77.1", file],
  server: "192.168.77.1",
  bootFile: file,
});

const AUTHORITATIVE = [
  ["bios", { ...loader("undionly.kpxe"), vendorClass: "PXEClient", vendorOptions: SKIP_DISCOVERY, ipxe: undefined }],
  ["uefi", { ...loader("snponly.efi"), vendorClass: "PXEClient", vendorOptions: SKIP_DISCOVERY, ipxe: undefined }],
  [
    "uefiHttp",
    {
      ...loader("http://192.168.77.1/snponly.efi"),
      vendorClass: "HTTPClient",
      vendorOptions: undefined,
      ipxe: undefined,
    },
  ],
  ["ipxe", { ...loader(SCRIPT), vendorClass: undefined, vendorOptions: undefined, ipxe: Uint8Array.of(0xb0, 1, 1) }],
] as const;

for (const [firmware, want] of AUTHORITATIVE) {
  test(`authoritative, ${firmware}: offer and ACK tell the file in every way that firmware reads`, () => {
    const offer = replyOf(ask(clientMessage("discover", HOST_NIC_1, FIRMWARE[firmware])));
    assert.deepEqual(bootOf(offer.packet), want);
    assert.deepEqual([offer.packet.yiaddr, offer.event.file], ["192.168.77.101", want.bootFile]);
    assert.deepEqual(offer.to, TO_ALL, "boot ROMs hear broadcasts for certain");
    const options = { ...FIRMWARE[firmware], "server-id": "192.168.77.1", "requested-address": "192.168.77.101" };
    const ack = replyOf(ask(clientMessage("request", HOST_NIC_1, options)));
    assert.deepEqual([messageType(ack.packet.options), bootOf(ack.packet)], ["ack", want]);
  });
}

test("another HTTP port is in the URL", () => {
  const site = sketch({ server: { address: "192.168.77.1", httpPort: 8080 } });
  const { packet } = replyOf(ask(clientMessage("discover", HOST_NIC_1, FIRMWARE.ipxe), site));
  assert.equal(packet.file, "http://192.168.77.1:8080/boot/ipxe/52-54-00-00-00-01");
});

for (const [length, inField] of [
  [127, true],
  [128, false],
] as const) {
  test(`a file name of ${length} bytes is in option 67${inField ? " and in the field" : " alone"}`, () => {
    const path = "a".repeat(length);
    const host = replyOf(ask(clientMessage("discover", HOST_NIC_1))).event.host;
    assert.equal(host, "vm1");
    const site = sketch({});
    const vm1 = site.hostByMac.get(HOST_NIC_1);
    assert.ok(vm1);
    const plan = () => ({ kind: "plan", host: vm1, action: "local", file: { path, as: "tftp" }, reasons: [] }) as const;
    const { packet } = replyOf(ask(clientMessage("discover", HOST_NIC_1, FIRMWARE.bios), site, { plan }));
    assert.equal(packet.file, inField ? path : "");
    assert.equal(textOption(packet.options, "boot-file"), path);
  });
}

test("a refused plan, or one without a file, still gives the address", () => {
  const plan = () => ({ kind: "refusal", reason: "no-loader", text: "" }) as const;
  const { packet, event } = replyOf(ask(clientMessage("discover", HOST_NIC_1, FIRMWARE.uefi), undefined, { plan }));
  assert.equal(packet.yiaddr, "192.168.77.101");
  assert.deepEqual(
    [packet.siaddr, packet.options.has(OPTION["vendor-class"]), event.file],
    ["0.0.0.0", false, undefined],
  );
});

const PROXY = [
  ["bios", { ...loader("undionly.kpxe"), vendorClass: "PXEClient", vendorOptions: SKIP_DISCOVERY, ipxe: undefined }],
  ["uefi", { ...loader("snponly.efi"), vendorClass: "PXEClient", vendorOptions: undefined, ipxe: undefined }],
  [
    "uefiHttp",
    {
      ...loader("http://192.168.77.1/snponly.efi"),
      vendorClass: "HTTPClient",
      vendorOptions: undefined,
      ipxe: undefined,
    },
  ],
  ["ipxe", { ...loader(SCRIPT), vendorClass: "PXEClient", vendorOptions: undefined, ipxe: Uint8Array.of(0xb0, 1, 1) }],
] as const;

for (const [firmware, want] of PROXY) {
  test(`proxy, ${firmware}: an offer of the file, without address or lease`, () => {
    const { packet, to, event } = replyOf(ask(clientMessage("discover", HOST_NIC_1, FIRMWARE[firmware]), PROXY_SITE));
    assert.deepEqual(bootOf(packet), want);
    assert.equal(packet.yiaddr, "0.0.0.0");
    for (const name of ["lease-time", "netmask", "router", "dns", "host-name"] as const) {
      assert.equal(packet.options.has(OPTION[name]), false, name);
    }
    assert.deepEqual(to, TO_ALL);
    assert.deepEqual([event.kind, event.address, event.file], ["offer", undefined, want.bootFile]);
  });
}

test("proxy: silence for everything else", () => {
  const boot = FIRMWARE.bios;
  const cases = [
    [clientMessage("discover", HOST_NIC_1), "not-for-proxy"],
    [clientMessage("request", HOST_NIC_1, { ...boot, "requested-address": "192.168.77.5" }), "not-for-proxy"],
    [clientMessage("inform", HOST_NIC_1, boot), "not-for-proxy"],
    [clientMessage("discover", STRANGER, boot), "unknown-host"],
    [clientMessage("discover", HOST_NIC_1, { ...boot, "client-arch": Uint8Array.of(0, 31) }), "no-boot-file"],
  ] as const;
  for (const [message, reason] of cases) assert.deepEqual(ask(message, PROXY_SITE), { kind: "drop", reason });
  const discovering = sketch({ subnets: [{ cidr: "192.168.77.0/24", dhcp: "proxy" }], unknown: "discover" });
  const stranger = clientMessage("discover", STRANGER, boot);
  assert.deepEqual(ask(stranger, discovering), { kind: "drop", reason: "no-boot-file" });
});

for (const site of [PROXY_SITE, sketch({})]) {
  test(`port 4011 in ${site.subnets[0]?.dhcp} mode: an ACK of the file, back to the port that asked`, () => {
    const message = clientMessage("request", HOST_NIC_1, FIRMWARE.uefi, { ciaddr: ip("192.168.77.33") });
    const { packet, to, event } = replyOf(ask(message, site, PXE_PORT));
    assert.equal(messageType(packet.options), "ack");
    assert.deepEqual(bootOf(packet), PROXY[1][1]);
    assert.deepEqual([packet.yiaddr, packet.options.has(OPTION["lease-time"])], ["0.0.0.0", false]);
    assert.deepEqual(to, { kind: "unicast", address: "192.168.77.33", port: 4011 });
    assert.deepEqual([event.kind, event.at], ["ack", NOW]);
  });
}

test("port 4011: other messages and ordinary clients are dropped; 0.0.0.0 is answered by broadcast", () => {
  const nobody: Partial<DhcpContext> = { service: "pxe", source: { address: ip("0.0.0.0"), port: 68 } };
  const cases = [
    [clientMessage("discover", HOST_NIC_1, FIRMWARE.bios), "not-for-proxy"],
    [clientMessage("request", HOST_NIC_1), "not-for-proxy"],
    [clientMessage("request", STRANGER, FIRMWARE.bios), "unknown-host"],
  ] as const;
  for (const [message, reason] of cases) assert.deepEqual(ask(message, PROXY_SITE, PXE_PORT), { kind: "drop", reason });
  const broadcast = replyOf(ask(clientMessage("request", HOST_NIC_1, FIRMWARE.bios), PROXY_SITE, nobody));
  assert.deepEqual(broadcast.to, TO_ALL);
});
