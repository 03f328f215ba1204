import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ipv4, Mac } from "../../../../src/base/address.ts";
import { classifyClient } from "../../../../src/boot/client.ts";
import type { NewEvent } from "../../../../src/cluster/events.ts";
import { createRecorder } from "../../../../src/server/boot/recorder.ts";
import type { Transfer } from "../../../../src/server/server.ts";
import { exampleSite } from "../../../support/sites.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";
const MAC = "52:54:00:00:00:01" as Mac;

function open() {
  const events: NewEvent[] = [];
  const packages: string[] = [];
  const recorder = createRecorder({
    site: exampleSite("single"),
    server: "one",
    permitOf: () => "p1",
    record: (event) => events.push(event),
    onPackage: (host) => packages.push(host),
  });
  return { recorder, events, packages };
}

const transfer = (given: Partial<Transfer>): Transfer => ({
  protocol: "http",
  client: "192.168.77.101",
  path: "/undionly.kpxe",
  bytes: 1000,
  size: 1000,
  started: 1000,
  ended: 1500,
  complete: true,
  status: 200,
  ...given,
});

const paths: ReadonlyArray<[string, string | undefined]> = [
  ["/undionly.kpxe", "loader"],
  [`/boot/${TOKEN}/52-54-00-00-00-01/linux`, "kernel"],
  ["/trees/debian-12/dists/bookworm/Release", "packages"],
  ["/boot/ipxe/52-54-00-00-00-01", undefined],
  ["/favicon.ico", undefined],
];
for (const [path, stage] of paths) {
  test(`a transfer of ${path} is ${stage ? `of stage ${stage}` : "not recorded"}`, () => {
    const { recorder, events } = open();
    recorder.transfers.ended(transfer({ path }));
    assert.equal(events[0]?.stage, stage);
    assert.ok(!JSON.stringify(events).includes(TOKEN), "the token stays secret");
  });
}

test("a transfer tells bytes, server, protocol and rate, and whether it broke off", () => {
  const { recorder, events } = open();
  recorder.transfers.ended(transfer({ bytes: 500, complete: false, status: 200 }));
  assert.deepEqual(events[0], {
    at: 1500,
    host: "vm1",
    permit: "p1",
    stage: "loader",
    what: "served",
    facts: { path: "/undionly.kpxe", bytes: 500, protocol: "http", server: "one", rate: 1000, broken: 200 },
  });
});

test("strangers' transfers and empty ones leave no trace", () => {
  const { recorder, events } = open();
  recorder.transfers.ended(transfer({ client: "192.168.77.140" }));
  recorder.transfers.ended(transfer({ bytes: 0 }));
  assert.deepEqual(events, []);
});

test("an error's text is no file; a refused file is told to the operator, without its token", () => {
  const { recorder, events } = open();
  recorder.transfers.ended(transfer({ path: "/trees/debian-12/dists/stable/Release", status: 404, bytes: 13 }));
  assert.equal(events.length, 0);
  recorder.transfers.ended(transfer({ path: `/boot/${TOKEN}/52-54-00-00-00-01/linux`, status: 403, bytes: 12 }));
  assert.deepEqual(
    events.map(({ stage, what, facts }) => [stage, what, facts.reason]),
    [["kernel", "refused", "/boot/52-54-00-00-00-01/linux"]],
  );
});

test("a fetched package of the installed system shows that the installer writes; an installer's component does not", () => {
  const { recorder, packages } = open();
  recorder.transfers.ended(transfer({ path: "/trees/debian-12/pool/udeb/partman_1_all.udeb" }));
  assert.deepEqual(packages, []);
  recorder.transfers.ended(transfer({ path: "/trees/debian-12/pool/deb/dash_1_amd64.deb" }));
  assert.deepEqual(packages, ["vm1"]);
});

test("a wait is a note for the operator, and no step of the boot", () => {
  const { recorder, events } = open();
  const host = exampleSite("single").hosts.get("vm1") ?? assert.fail();
  recorder.script({ host, mac: MAC, loader: "ipxe", action: "wait", reasons: ["waits for a place: 12th of 1950"] });
  assert.deepEqual(
    events.map(({ what, stage, facts }) => [what, stage, facts.text]),
    [["note", "script", "waits for a place: 12th of 1950"]],
  );
});

test("DHCP answers of hosts are recorded by who asked, others are not", () => {
  const { recorder, events } = open();
  const client = classifyClient(MAC, { archCodes: [0], hasIpxeOptions: false, vendorClass: "PXEClient" });
  const event = { at: 1, mac: MAC, address: "192.168.77.101" as Ipv4, interface: "br0", client, xid: 7, host: "vm1" };
  recorder.dhcp({ ...event, kind: "offer", file: "undionly.kpxe" });
  recorder.dhcp({ ...event, kind: "release" });
  recorder.dhcp({ ...event, kind: "ack", mac: "52:54:00:00:00:99" as Mac });
  assert.deepEqual(
    events.map(({ what, facts }) => [what, facts.asking, facts.file, facts.machine]),
    [["offer", "firmware", "undionly.kpxe", "amd64 bios"]],
  );
});
