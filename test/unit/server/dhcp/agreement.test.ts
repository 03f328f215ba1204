/** What a server answers where several have agreed on an address to answer by. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DhcpAgreement } from "../../../../src/server/dhcp/exchange.ts";
import { ipv4Option, messageType, textOption } from "../../../../src/wire/dhcp-options.ts";
import { ask, HOST_NIC_1, replyOf, STRANGER, sketch } from "../../../support/dhcp-context.ts";
import { clientMessage, FIRMWARE } from "../../../support/dhcp-messages.ts";
import { ip } from "../../../support/dhcp-site.ts";

const FLOATING = ip("192.168.77.8");

function agreement(isOurTurn: boolean, identity = FLOATING): DhcpAgreement {
  return { isOurTurn: () => isOurTurn, identity: () => identity, mayLend: () => true };
}

test("the floating address is the server's identity, and where the loader comes from", () => {
  const packet = clientMessage("discover", HOST_NIC_1, FIRMWARE.bios);
  const reply = replyOf(ask(packet, sketch({}), { agreement: agreement(true) })).packet;
  assert.equal(messageType(reply.options), "offer");
  assert.equal(ipv4Option(reply.options, "server-id"), FLOATING);
  assert.equal(reply.siaddr, FLOATING);
  assert.equal(textOption(reply.options, "tftp-server"), FLOATING);
});

test("an identity of another network would not be reached before the address is there: it is left out", () => {
  const packet = clientMessage("discover", HOST_NIC_1);
  const far = agreement(true, ip("10.9.9.9"));
  const reply = replyOf(ask(packet, sketch({}), { agreement: far })).packet;
  assert.equal(ipv4Option(reply.options, "server-id"), "192.168.77.1");
});

test("a request for the floating address is ours, and one for any server of the site", () => {
  for (const server of [FLOATING, ip("192.168.77.1")]) {
    const packet = clientMessage("request", HOST_NIC_1, { "server-id": server, "requested-address": "192.168.77.101" });
    const reply = replyOf(ask(packet, sketch({}), { agreement: agreement(true) })).packet;
    assert.equal(messageType(reply.options), "ack");
  }
  const other = clientMessage("request", HOST_NIC_1, { "server-id": "192.168.77.66" });
  assert.deepEqual(ask(other, sketch({}), { agreement: agreement(true) }), { kind: "drop", reason: "other-server" });
});

test("of the pool only what may be lent now is offered; of the rest nothing is said", () => {
  const site = sketch({ unknown: "discover" });
  const last = ip("192.168.77.103");
  const share: DhcpAgreement = { ...agreement(true), mayLend: (_pool, address) => address === last };
  const offer = replyOf(ask(clientMessage("discover", STRANGER), site, { agreement: share })).packet;
  assert.equal(offer.yiaddr, last);
  const renewal = clientMessage("request", STRANGER, { "server-id": FLOATING, "requested-address": "192.168.77.102" });
  assert.deepEqual(ask(renewal, site, { agreement: share }), { kind: "drop", reason: "not-our-share" });
});

test("when it is another server's turn, nothing is said", () => {
  const packet = clientMessage("discover", HOST_NIC_1);
  const verdict = ask(packet, sketch({}), { agreement: agreement(false) });
  assert.deepEqual(verdict, { kind: "drop", reason: "not-our-turn" });
});
