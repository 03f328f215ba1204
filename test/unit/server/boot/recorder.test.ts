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
    now: () => 9000,
    permitOf: () => "p1",
    record: (event) => {
      events.push(event);
      return { trace: "0123abcd" };
    },
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
  [`/boot/${TOKEN}-0123abcd/52-54-00-00-00-01/initrd`, "kernel"],
  [`/boot/${TOKEN}-0123abcd@3f9c0a51b2d4/52-54-00-00-00-01/initrd`, "kernel"],
  ["/trees/debian-12/dists/bookworm/Release", "packages"],
  ["/trees/debian-12@3f9c0a51b2d4/dists/bookworm/Release", "packages"],
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

test("a refused file is told to the operator, without its token, and names no boot: anybody may ask for it", () => {
  const { recorder, events } = open();
  const path = `/boot/${TOKEN}-0123abcd/52-54-00-00-00-01/linux`;
  recorder.transfers.ended(transfer({ path, status: 403, bytes: 12 }));
  assert.deepEqual(
    events.map(({ stage, what, facts, trace }) => [stage, what, facts.reason, trace]),
    [["kernel", "refused", "/boot/52-54-00-00-00-01/linux", undefined]],
  );
});

test("a kernel's transfer counts to the boot that its URL names", () => {
  const { recorder, events } = open();
  for (const name of [TOKEN, `${TOKEN}-0123abcd`, `${TOKEN}-0123abcd@3f9c0a51b2d4`])
    recorder.transfers.ended(transfer({ path: `/boot/${name}/52-54-00-00-00-01/linux` }));
  assert.deepEqual(
    events.map(({ trace, facts }) => [trace, facts.path]),
    [
      [undefined, "/boot/52-54-00-00-00-01/linux"],
      ["0123abcd", "/boot/52-54-00-00-00-01/linux"],
      ["0123abcd", "/boot/52-54-00-00-00-01/linux"],
    ],
  );
});

test("a file that is not there or cannot be sent is told once in a while, and not without end", () => {
  const { recorder, events } = open();
  const ask = (path: string, status: number, ended = 1500) =>
    recorder.transfers.ended(transfer({ path: `/trees/debian-12/${path}`, status, bytes: 13, ended }));
  for (let n = 0; n < 3; n++) ask("pool/a.deb", 404);
  ask("pool/b.deb", 503);
  const told = () => events.map(({ what, stage, facts }) => [what, stage, facts.path, facts.status]);
  const [absent, broken] = [
    ["absent", "packages", "/trees/debian-12/pool/a.deb", undefined],
    ["broken", "packages", "/trees/debian-12/pool/b.deb", 503],
  ];
  assert.deepEqual(told(), [absent, broken]);
  ask("pool/a.deb", 404, 700_000);
  assert.deepEqual(told(), [absent, broken, absent]);
  for (let n = 0; n < 200; n++) ask(`dists/${n}`, 404, 700_000);
  assert.equal(events.length, 2 + 40);
});

test("by TFTP, a loader that is not there and one of which only the size was wanted are told", () => {
  const { recorder, events } = open();
  const about = { protocol: "tftp", client: "192.168.77.101", at: 7 } as const;
  recorder.transfers.request({ ...about, path: "other.efi", outcome: "absent" });
  recorder.transfers.request({ ...about, path: "undionly.kpxe", outcome: "size-only" });
  recorder.transfers.request({ ...about, path: "pxelinux.cfg/default", outcome: "absent" });
  recorder.transfers.request({ ...about, path: "other.efi", outcome: "absent", client: "192.168.77.140" });
  assert.deepEqual(
    events.map(({ at, what, stage, facts }) => [at, what, stage, facts.path]),
    [
      [7, "absent", "loader", "other.efi"],
      [7, "asked", "loader", "undionly.kpxe"],
    ],
  );
});

test("a fetched package of the installed system shows that the installer writes; an installer's component does not", () => {
  const { recorder, packages } = open();
  recorder.transfers.ended(transfer({ path: "/trees/debian-12/pool/udeb/partman_1_all.udeb" }));
  assert.deepEqual(packages, []);
  recorder.transfers.ended(transfer({ path: "/trees/debian-12/pool/deb/dash_1_amd64.deb" }));
  assert.deepEqual(packages, ["vm1"]);
});

test("a client that is sent to another server was not served here", () => {
  const { recorder, events } = open();
  const path = "/trees/debian-12@3f9c0a51b2d4/dists/bookworm/Release";
  recorder.transfers.ended(transfer({ path, status: 307, bytes: 5 }));
  assert.deepEqual(events, []);
});

test("of a version, too, packages tell that the installer writes, and what is not there or other is told once", () => {
  const { recorder, events, packages } = open();
  const folder = "/trees/debian-12@3f9c0a51b2d4";
  recorder.transfers.ended(transfer({ path: `${folder}/pool/b/bash.deb` }));
  assert.deepEqual(packages, ["vm1"]);
  for (let n = 0; n < 2; n++) {
    recorder.transfers.ended(transfer({ path: `${folder}/pool/b/none.deb`, status: 404, bytes: 20 }));
    recorder.unlisted(`${folder}/pool/b/bash.deb`, { address: "192.168.77.101", protocol: "http" });
  }
  assert.deepEqual(
    events.map(({ what, facts }) => [what, facts.path]),
    [
      ["served", `${folder}/pool/b/bash.deb`],
      ["absent", `${folder}/pool/b/none.deb`],
      ["unlisted", `${folder}/pool/b/bash.deb`],
    ],
  );
});

test("a script tells the id of its machine's boot, and the journal what is installed with it", () => {
  const { recorder, events } = open();
  const host = exampleSite("single").hosts.get("vm1") ?? assert.fail();
  const script = { host, mac: MAC, loader: "ipxe", reasons: ["installs"] } as const;
  assert.equal(recorder.script({ ...script, action: "install" }), "0123abcd");
  recorder.script({ ...script, action: "local" });
  const permit = { id: "p1", token: TOKEN, expires: 1, version: "3f9c0a51b2d4" };
  recorder.script({ ...script, action: "install", permit });
  assert.deepEqual(
    events.map(({ what, stage, facts }) => [what, stage, facts.profile, facts.tree, facts.version]),
    [
      ["served", "script", host.profile.name, host.profile.tree.name, undefined],
      ["local-boot", "reboot", undefined, undefined, undefined],
      ["served", "script", host.profile.name, host.profile.tree.name, "3f9c0a51b2d4"],
    ],
  );
});

test("a wait is a note for the operator, and no step of the boot", () => {
  const { recorder, events } = open();
  const host = exampleSite("single").hosts.get("vm1") ?? assert.fail();
  recorder.script({ host, mac: MAC, loader: "ipxe", action: "wait", reasons: ["waits for a place: 12th of 1950"] });
  assert.deepEqual(
    events.map(({ what, stage, facts }) => [what, stage, facts.text, facts.waits]),
    [["note", "script", "waits for a place: 12th of 1950", "turn"]],
  );
});

const FIRMWARE = classifyClient(MAC, { archCodes: [0], hasIpxeOptions: false, vendorClass: "PXEClient" });

test("a file that is not what its tree's manifest lists is told once in each boot", () => {
  const { recorder, events } = open();
  for (let n = 0; n < 3; n++)
    recorder.unlisted("/trees/debian-12/pool/a.deb", { address: "192.168.77.101", protocol: "http" });
  assert.deepEqual(
    events.map(({ at, what, stage, facts }) => [at, what, stage, facts.path]),
    [[9000, "unlisted", "packages", "/trees/debian-12/pool/a.deb"]],
  );
});

test("what a machine asks for in vain is told in each of its boots", () => {
  const { recorder, events } = open();
  const about = { protocol: "tftp", client: "192.168.77.101", path: "/undionly.kpxe", outcome: "absent" } as const;
  for (const at of [1000, 61_000]) {
    recorder.dhcp({ at, mac: MAC, interface: "br0", client: FIRMWARE, xid: at, host: "vm1", kind: "ack" });
    for (let n = 0; n < 3; n++) recorder.transfers.request({ ...about, at });
  }
  assert.deepEqual(
    events.map(({ what }) => what),
    ["ack", "absent", "ack", "absent"],
  );
});

test("DHCP answers of hosts are recorded by who asked, others are not", () => {
  const { recorder, events } = open();
  const about = { at: 1, mac: MAC, address: "192.168.77.101" as Ipv4, interface: "br0", xid: 7, host: "vm1" };
  const event = { ...about, client: FIRMWARE };
  recorder.dhcp({ ...event, kind: "offer", file: "undionly.kpxe" });
  recorder.dhcp({ ...event, kind: "release" });
  recorder.dhcp({ ...event, kind: "ack", mac: "52:54:00:00:00:99" as Mac });
  assert.deepEqual(
    events.map(({ what, facts }) => [what, facts.asking, facts.file, facts.machine]),
    [["offer", "firmware", "undionly.kpxe", "amd64 bios"]],
  );
});
