import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { Ipv4, Mac } from "../../../src/base/address.ts";
import { classifyClient } from "../../../src/boot/client.ts";
import { openUnknown, type Sighting, type UnknownMachines } from "../../../src/cluster/unknown.ts";
import { macOfScriptPath, sightingOf } from "../../../src/cluster/unknown-sighting.ts";
import { createVendors } from "../../../src/cluster/unknown-vendors.ts";
import { createMemoryStore } from "../../../src/store/memory.ts";
import type { Store } from "../../../src/store/store.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { createFlakyStore } from "../../support/flaky-store.ts";

const A = "02:00:00:00:00:0a" as Mac;
const B = "02:00:00:00:00:0b" as Mac;

/** Counts the commits that reach it. */
function countingStore() {
  const store = createFlakyStore(createMemoryStore());
  const counted = { commits: 0 };
  const commit: Store["commit"] = (change) => {
    counted.commits += 1;
    return store.commit(change);
  };
  return { counted, store: Object.assign(Object.create(store), { commit }) as Store, flaky: store };
}

async function stored(store: Store): Promise<readonly string[]> {
  return (await store.list("unknown/")).map(({ key }) => key.slice("unknown/".length));
}

test("what a machine said earlier stays; counts and times go on", async () => {
  const clock = createFakeClock(1000);
  const unknown = await openUnknown({ store: createMemoryStore(), clock, server: "one" });
  unknown.note({ at: 1000, mac: A, arch: "arm64", firmware: "uefi", uuid: "4c4c4544", interface: "eth0" });
  unknown.note({ at: 5000, mac: A, vendor: "udhcp 1.30", address: "10.0.0.9" as Ipv4, interface: "eth1" });
  assert.deepEqual(unknown.get(A), {
    ...{ mac: A, first: 1000, last: 5000, times: 2, arch: "arm64", firmware: "uefi", uuid: "4c4c4544" },
    ...{ vendor: "udhcp 1.30", address: "10.0.0.9", interface: "eth1", server: "one" },
  });
});

test("noting writes nothing; a burst is one commit, then one a minute", async () => {
  const clock = createFakeClock();
  const { store, counted } = countingStore();
  const unknown = await openUnknown({ store, clock, server: "one" });
  for (let asks = 0; asks < 50; asks += 1) unknown.note({ at: clock.now(), mac: A });
  await turn();
  assert.equal(counted.commits, 0);
  for (let second = 0; second < 61; second += 1) {
    unknown.note({ at: clock.now(), mac: A });
    clock.advance(1000);
    await turn();
  }
  assert.equal(counted.commits, 1);
  clock.advance(4000);
  await turn();
  assert.equal(counted.commits, 2);
  await unknown.close();
  const again = await openUnknown({ store, clock, server: "one" });
  assert.equal(again.get(A)?.times, 111);
});

test("what could not be written is written when the store is back", async () => {
  const clock = createFakeClock();
  const { store, flaky } = countingStore();
  const unknown = await openUnknown({ store, clock, server: "one" });
  flaky.mood = "down";
  unknown.note({ at: clock.now(), mac: A });
  clock.advance(2000);
  await turn();
  flaky.mood = "well";
  assert.deepEqual(await stored(store), []);
  clock.advance(2000);
  await turn();
  assert.deepEqual(await stored(store), [A]);
});

test("a made-up crowd is bounded in memory, in the store and in a commit; those seen last stay", async () => {
  const clock = createFakeClock();
  const sizes: number[] = [];
  const memory = createMemoryStore();
  const store: Store = {
    ...memory,
    commit: (change) => {
      sizes.push(change.put?.length ?? 0);
      return memory.commit(change);
    },
  };
  const unknown = await openUnknown({ store, clock, server: "one", limit: 150 });
  const macs = Array.from({ length: 400 }, (_, n) => `02:00:00:00:${hex(n >> 8)}:${hex(n & 255)}` as Mac);
  for (const [n, mac] of macs.entries()) {
    unknown.note({ at: n, mac });
    if (n % 50 === 49) clock.advance(2000);
    await turn();
  }
  for (let round = 0; round < 4; round += 1) {
    clock.advance(2000);
    await turn();
  }
  assert.ok(Math.max(...sizes) <= 100, String(sizes));
  assert.deepEqual(
    unknown.all().map(({ mac }) => mac),
    macs.slice(-150).reverse(),
  );
  assert.deepEqual(await stored(store), macs.slice(-150));
});

test("one that becomes a host leaves memory and store, also in mid-write", async () => {
  const clock = createFakeClock();
  const { store } = countingStore();
  const unknown = await openUnknown({ store, clock, server: "one" });
  for (const mac of [A, B]) unknown.note({ at: clock.now(), mac });
  clock.advance(2000);
  unknown.settle((mac) => mac === A);
  assert.deepEqual(
    unknown.all().map(({ mac }) => mac),
    [B],
  );
  for (let round = 0; round < 2; round += 1) {
    await turn();
    clock.advance(2000);
  }
  await turn();
  assert.deepEqual(await stored(store), [B]);
});

test("two servers that hear the same machine show it once; what one removes both forget", async () => {
  const store = createMemoryStore();
  const clock = createFakeClock();
  const ended = new AbortController();
  const open = (server: string) => openUnknown({ store, clock, server, following: { signal: ended.signal, clock } });
  const [one, two] = [await open("one"), await open("two")];
  const asks: Sighting = { at: clock.now(), mac: A, interface: "eth0" };
  for (const unknown of [one, two, one]) unknown.note(asks);
  two.note({ ...asks, at: clock.now() + 5, address: "10.0.0.7" as Ipv4 });
  two.note({ ...asks, mac: B });
  await until(clock, () => one.get(B) !== undefined && one.get(A)?.server === "two");
  assert.deepEqual([one.get(A)?.times, one.get(A)?.address, one.all().length], [2, "10.0.0.7", 2]);
  one.settle(() => true);
  await until(clock, () => two.all().length === 0);
  await Promise.all([one, two].map((unknown: UnknownMachines) => unknown.close()));
  assert.deepEqual(await stored(store), []);
  ended.abort();
});

test("rows of another version are passed over", async () => {
  const store = createMemoryStore();
  const value = JSON.stringify({ first: 1, last: 2, times: 3, server: "one", interface: "" });
  await store.commit({
    put: [
      { key: `unknown/${A}`, value },
      { key: `unknown/${B}`, value: "{}" },
      { key: "unknown/what", value },
      { key: "unknown/02:00:00:00:00:0c", value: "[" },
    ],
  });
  const unknown = await openUnknown({ store, clock: createFakeClock(), server: "one" });
  assert.deepEqual(
    unknown.all().map(({ mac }) => mac),
    [A],
  );
});

test("the machine of a boot script's path", () => {
  const paths = [
    "boot/ipxe/02-00-00-00-00-0a",
    "/boot/ipxe/02:00:00:00:00:0a/1700000000000",
    "pxelinux.cfg/01-02-00-00-00-00-0a",
    "grub/grub.cfg-01-02-00-00-00-00-0a",
    "grub/1700000000000/grub.cfg-01-02-00-00-00-00-0a",
  ];
  for (const path of paths) assert.equal(macOfScriptPath(path), A, path);
  for (const path of ["boot/ipxe/nobody", "trees/debian/01-02-00-00-00-00-0a", "pxelinux.cfg/default", "grub/x"])
    assert.equal(macOfScriptPath(path), undefined, path);
});

test("of the firmware's words those are kept that tell the machine", () => {
  const heard = { at: 5, interface: "eth0", subnet: { base: "10.0.0.0" as Ipv4, prefix: 24 } };
  const firmware = classifyClient(A, {
    ...{ archCodes: [11], hasIpxeOptions: false, vendorClass: "PXEClient:Arch:00011:UNDI:003016" },
    uuid: Uint8Array.from({ length: 16 }, (_, n) => n),
  });
  assert.deepEqual(sightingOf(firmware, { ...heard, address: "10.0.0.9" as Ipv4 }), {
    ...{
      at: 5,
      mac: A,
      interface: "eth0",
      subnet: "10.0.0.0/24",
      address: "10.0.0.9",
      arch: "arm64",
      firmware: "uefi",
    },
    uuid: "03020100-0504-0706-0809-0a0b0c0d0e0f",
  });
  const system = classifyClient(A, { archCodes: [], hasIpxeOptions: false, vendorClass: "MSFT 5.0" });
  assert.deepEqual(sightingOf(system, heard), {
    ...{ at: 5, mac: A, interface: "eth0", subnet: "10.0.0.0/24", vendor: "MSFT 5.0" },
  });
});

test("vendors by the IEEE's list, else by udev's; none for addresses that are made up", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "everboot-vendors-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [ieee, udev] = [join(folder, "oui.txt"), join(folder, "20-OUI.hwdb")];
  writeFileSync(
    ieee,
    "OUI/MA-L                 Organization\r\n\r\n00-0C-29   (hex)\t\tVMware, Inc.\r\n" +
      "000C29     (base 16)\t\tVMware, Inc.\r\n\t\t\t\t3401 Hillview Avenue\r\n\r\n",
  );
  writeFileSync(
    udev,
    "# of udev\n\nOUI:000C29*\n ID_OUI_FROM_DATABASE=VMware\n\nOUI:0055DA0*\n ID_OUI_FROM_DATABASE=Shinko\n",
  );
  const macs = ["00:0c:29:6d:1c:f7", "00:55:da:00:00:01", "52:54:00:00:00:01"] as Mac[];
  const ask = (...lists: string[]) => Promise.all(macs.map(createVendors(lists)));
  assert.deepEqual(await ask(ieee, udev), ["VMware, Inc.", undefined, undefined]);
  assert.deepEqual(await ask(join(folder, "absent"), udev), ["VMware", undefined, undefined]);
  assert.deepEqual(await ask(), [undefined, undefined, undefined]);
});

test("who made the NIC counts more than what its DHCP client calls itself", async () => {
  const found = Promise.withResolvers<string>();
  const clock = createFakeClock();
  const unknown = await openUnknown({
    ...{ store: createMemoryStore(), clock, server: "one", vendorOf: () => found.promise },
  });
  unknown.note({ at: 1, mac: A, vendor: "MSFT 5.0" });
  assert.equal(unknown.get(A)?.vendor, "MSFT 5.0");
  found.resolve("IBM Corp");
  await turn();
  assert.equal(unknown.get(A)?.vendor, "IBM Corp");
  unknown.note({ at: 2, mac: A, vendor: "udhcp 1.30" });
  assert.equal(unknown.get(A)?.vendor, "IBM Corp");
});

function hex(value: number): string {
  return value.toString(16).padStart(2, "0");
}

/** Moves time on until it is so. */
async function until(clock: ReturnType<typeof createFakeClock>, isSo: () => boolean): Promise<void> {
  for (let round = 0; round < 100 && !isSo(); round += 1) {
    clock.advance(1000);
    await turn();
  }
  assert.ok(isSo());
}
