import { test } from "node:test";
import { encodeDhcp } from "../../../../src/wire/dhcp-packet.ts";
import { ask, HOST_NIC_1, REMOTE_NIC, replyOf, sketch } from "../../../support/dhcp-context.ts";
import { clientMessage, FIRMWARE } from "../../../support/dhcp-messages.ts";
import { ip } from "../../../support/dhcp-site.ts";
import { assertGolden } from "../../../support/golden.ts";

const UUID = Uint8Array.from({ length: 17 }, (_, index) => index);
const AGENT = Uint8Array.of(1, 4, 0x70, 0x6f, 0x72, 0x74);

const REPLIES = {
  "offer-bios": ask(clientMessage("discover", HOST_NIC_1, { ...FIRMWARE.bios, "client-uuid": UUID })),
  "offer-uefi-http": ask(clientMessage("discover", HOST_NIC_1, FIRMWARE.uefiHttp)),
  "offer-uefi-proxy": ask(
    clientMessage("discover", HOST_NIC_1, FIRMWARE.uefi),
    sketch({ subnets: [{ cidr: "192.168.77.0/24", dhcp: "proxy" }] }),
  ),
  "ack-ipxe": ask(clientMessage("request", HOST_NIC_1, { ...FIRMWARE.ipxe, "requested-address": "192.168.77.101" })),
  "ack-relayed": ask(
    clientMessage(
      "request",
      REMOTE_NIC,
      { "requested-address": "10.2.0.21", "relay-agent": AGENT, "client-id": "far" },
      {
        giaddr: ip("10.2.0.1"),
        hops: 1,
      },
    ),
  ),
  nak: ask(clientMessage("request", HOST_NIC_1, { "requested-address": "10.9.9.9" })),
};

for (const [name, verdict] of Object.entries(REPLIES)) {
  test(`bytes of ${name}`, () => assertGolden(`dhcp/${name}.hex`, hexLines(encodeDhcp(replyOf(verdict).packet))));
}

/** 16 bytes a line, so that a difference shows where it is. */
function hexLines(bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString("hex")
      .match(/.{1,32}/g) ?? [];
  return `${lines.join("\n")}\n`;
}
