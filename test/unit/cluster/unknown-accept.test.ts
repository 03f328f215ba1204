import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ipv4, Mac } from "../../../src/base/address.ts";
import { openUnknown, type UnknownMachine } from "../../../src/cluster/unknown.ts";
import { type AcceptRequest, acceptMachine } from "../../../src/cluster/unknown-accept.ts";
import { createUnknownDesk } from "../../../src/cluster/unknown-desk.ts";
import { createMemoryStore } from "../../../src/store/memory.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { exampleSite, exampleText, siteOf } from "../../support/sites.ts";

const MAC = "52:54:00:00:00:99" as Mac;
const MACHINE: UnknownMachine = { mac: MAC, first: 1, last: 2, times: 3, interface: "br0", server: "one" };
const SINGLE = exampleText("single");
const TWO_SUBNETS = SINGLE.replace(
  "unknown:",
  "  - {cidr: 10.1.0.0/24, router: 10.1.0.1, dhcp: proxy}\n  - {cidr: 10.2.0.0/30, router: 10.2.0.1, pool: 10.2.0.2-10.2.0.2}\nunknown:",
);

function accept(text: string, machine: Partial<UnknownMachine> = {}, request: Partial<AcceptRequest> = {}) {
  return acceptMachine(text, { ...MACHINE, ...machine }, { name: "vm3", ...request }).host;
}

test("the only profile, and the first address behind the hosts that is not in the pool", () => {
  // .101 and .102 are hosts, and lie in the pool, which ends at .150.
  const host = { name: "vm3", nics: [MAC], address: "192.168.77.151", profile: "plain" };
  assert.deepEqual(accept(SINGLE), host);
  const other = accept(TWO_SUBNETS, { subnet: "192.168.77.0/24" }, { profile: "plain", address: "192.168.77.90" });
  assert.deepEqual(other, { ...host, address: "192.168.77.90" });
  assert.equal(accept(TWO_SUBNETS, { address: "192.168.77.120" as Ipv4 }).address, "192.168.77.151");
});

const REFUSALS: ReadonlyArray<readonly [string, Partial<UnknownMachine>, Partial<AcceptRequest>, string, string]> = [
  [SINGLE, {}, { name: "vm1" }, "host-exists", "there is a host vm1 already: choose another name"],
  [
    ...[SINGLE, { mac: "52:54:00:00:00:02" as Mac }, {}, "host-exists"],
    "52:54:00:00:00:02 is a NIC of host vm1 already: nothing is to be accepted",
  ] as const,
  [SINGLE, {}, { profile: "plian" }, "profile-unknown", "no profile is called plian: did you mean plain?"],
  [
    ...[exampleText("single").replace("profiles:\n", "profiles:\n  other: {tree: debian-12}\n"), {}, {}],
    ...["profile-unknown", "which profile it is to have is not clear: choose one of other, plain"],
  ] as const,
  [SINGLE, {}, { address: "192.168.77" }, "usage", '"192.168.77" is no IPv4 address'],
  [
    ...[SINGLE, {}, { address: "192.168.77.1" }, "host-refused"],
    "host vm3 cannot be added: 192.168.77.1 is the address of server one (line 12), choose another",
  ] as const,
  [
    ...[SINGLE, {}, { name: "vm3: {}\nunknown" }, "host-refused"],
    'host "vm3: {}\\nunknown" cannot be added: "vm3: {}\\nunknown" is no DNS label',
  ] as const,
  [
    ...[TWO_SUBNETS, {}, {}, "address-needed"],
    "the network of this machine is not known: choose the host's address with --address",
  ] as const,
  [
    ...[TWO_SUBNETS, { subnet: "10.1.0.0/24" }, {}, "address-needed"],
    "another DHCP server gives the addresses of 10.1.0.0/24: choose the host's address with --address",
  ] as const,
  [
    ...[TWO_SUBNETS, { subnet: "10.2.0.0/30" }, {}, "address-needed"],
    "no address of 10.2.0.0/30 is free: choose the host's address with --address",
  ] as const,
  ["site: s", {}, {}, "site-uneditable", ""],
];

for (const [text, machine, request, code, message] of REFUSALS) {
  test(`refuses: ${message || code}`, () => {
    assert.throws(() => accept(text, machine, request), { code, ...(message && { message }) });
  });
}

async function openDesk(text: string) {
  const unknown = await openUnknown({ store: createMemoryStore(), clock: createFakeClock(), server: "one" });
  unknown.note({ at: 1, mac: MAC });
  const applied = { number: 7, text };
  const sites = {
    report: () => ({ ...applied }),
    apply: async (request: { text: string; expected: number }) => {
      assert.equal(request.expected, applied.number);
      Object.assign(applied, { number: applied.number + 1, text: request.text });
      return { number: applied.number };
    },
  };
  return { unknown, applied, deskFor: (site = siteOf(applied.text)) => createUnknownDesk({ unknown, site, sites }) };
}

test("the desk applies the site file with the host; it leaves the list when that is served", async () => {
  const { applied, deskFor } = await openDesk(SINGLE);
  const desk = deskFor();
  assert.deepEqual(
    desk.list().map(({ mac }) => mac),
    [MAC],
  );
  const host = { host: "vm3", mac: MAC, address: "192.168.77.151", profile: "plain", number: 8 };
  assert.deepEqual(await desk.accept("52-54-00-00-00-99", { name: "vm3" }), host);
  assert.equal(siteOf(applied.text).hostByMac.get(MAC)?.name, "vm3");
  assert.equal(desk.list().length, 1);
  assert.deepEqual(deskFor().list(), []);
  await assert.rejects(deskFor().accept(MAC, { name: "vm4" }), { code: "unknown-machine" });
});

test("what nobody has heard of is not accepted, and nothing is applied", async () => {
  const { applied, deskFor } = await openDesk(SINGLE);
  for (const mac of ["52:54:00:00:00:98", "vm3"])
    await assert.rejects(deskFor(exampleSite("single")).accept(mac, { name: "vm3" }), { code: "unknown-machine" });
  assert.equal(applied.number, 7);
});
