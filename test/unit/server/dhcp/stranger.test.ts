import assert from "node:assert/strict";
import { test } from "node:test";
import { strangerIn } from "../../../../src/server/dhcp/stranger.ts";
import type { Verdict } from "../../../../src/server/dhcp/verdict.ts";
import { ask, contextOf, HOST_NIC_2, NOW, STRANGER, sketch } from "../../../support/dhcp-context.ts";
import { clientMessage, FIRMWARE } from "../../../support/dhcp-messages.ts";
import { ip } from "../../../support/dhcp-site.ts";

type Message = ReturnType<typeof clientMessage>;

function kept(message: Message, unknown: "ignore" | "discover" = "ignore", verdict?: Verdict) {
  const site = sketch({ unknown });
  return strangerIn(message, contextOf(site), verdict ?? ask(message, site));
}

const UEFI = clientMessage("discover", STRANGER, FIRMWARE.uefi);
const HEARD = { at: NOW, mac: STRANGER, interface: "e0", subnet: "192.168.77.0/24", arch: "amd64", firmware: "uefi" };

test("a machine that is ignored is kept with what its firmware says", () => {
  assert.deepEqual(kept(UEFI), HEARD);
});

test("one that is answered is kept with its address; a refusal gives none", () => {
  const offered = ask(UEFI, sketch({ unknown: "discover" }));
  assert.equal(offered.kind, "reply");
  const address = offered.kind === "reply" ? offered.packet.yiaddr : "";
  assert.deepEqual(kept(UEFI, "discover"), { ...HEARD, address });
  const renewal = clientMessage("request", STRANGER, {}, { ciaddr: ip("192.168.77.102") });
  assert.equal(kept(renewal)?.address, "192.168.77.102");
  const elsewhere = clientMessage("request", STRANGER, { "requested-address": "172.16.0.9" });
  assert.equal(ask(elsewhere, sketch({ unknown: "discover" })).kind, "reply");
  assert.equal(kept(elsewhere, "discover")?.address, undefined);
});

test("behind a relay agent it is the relay's network", () => {
  const relayed = clientMessage("discover", STRANGER, {}, { giaddr: ip("10.2.0.1") });
  assert.deepEqual(kept(relayed), { at: NOW, mac: STRANGER, interface: "e0", subnet: "10.2.0.0/16" });
});

test("hosts, other servers' clients and what is no DHCP request are not kept", () => {
  assert.equal(kept(clientMessage("discover", HOST_NIC_2)), undefined);
  assert.equal(kept(UEFI, "discover", { kind: "drop", reason: "not-our-turn" }), undefined);
  assert.equal(kept(UEFI, "discover", { kind: "drop", reason: "other-server" }), undefined);
  assert.equal(kept({ ...UEFI, op: "reply" }), undefined);
  assert.deepEqual(kept(UEFI, "discover", { kind: "drop", reason: "pool-exhausted" }), HEARD);
});
