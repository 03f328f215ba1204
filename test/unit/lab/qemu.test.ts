import assert from "node:assert/strict";
import { test } from "node:test";
import { type MachineShape, qemuArguments } from "../../../lab/qemu.ts";

const SHAPE: MachineShape = {
  disk: "/disks/vm1.qcow2",
  macs: ["52:54:00:00:00:01", "52:54:00:00:00:02"],
  firmware: "bios",
  rom: true,
  httpBoot: false,
  boot: "network-first",
  memoryMb: 1024,
  cpus: 2,
  accel: "tcg",
  stopAtReboot: false,
};
const PLUGS = { taps: ["vm1-0", "vm1-1"], serialFd: 3, qmpFd: 4, consoleLog: "/logs/console.log" };

/** Values of the options called `name`. */
function valuesOf(name: string, change: Partial<MachineShape> = {}): string[] {
  const args = qemuArguments({ ...SHAPE, ...change }, PLUGS);
  return args.filter((_, index) => args[index - 1] === name);
}

function nics(change: Partial<MachineShape> = {}): string[] {
  return valuesOf("-device", change).filter((device) => device.startsWith("virtio-net-pci"));
}

test("each NIC has its own address and tap, in order", () => {
  assert.deepEqual(nics(), [
    "virtio-net-pci,netdev=net0,id=nic0,mac=52:54:00:00:00:01,bootindex=0",
    "virtio-net-pci,netdev=net1,id=nic1,mac=52:54:00:00:00:02",
  ]);
  assert.deepEqual(valuesOf("-netdev"), [
    "tap,id=net0,ifname=vm1-0,script=no,downscript=no",
    "tap,id=net1,ifname=vm1-1,script=no,downscript=no",
  ]);
});

test("without a ROM the NICs have no iPXE", () => {
  assert.deepEqual(
    nics({ firmware: "uefi", rom: false }).map((nic) => nic.includes(",romfile=,") || nic.endsWith(",romfile=")),
    [true, true],
  );
});

test("network-first asks the network before the disk; boot from disk never asks it", () => {
  const bootIndexes = (boot: MachineShape["boot"]) =>
    valuesOf("-device", { boot }).flatMap(
      (device) => /^([\w-]+),.*bootindex=(\d)/.exec(device)?.slice(1).join(" ") ?? [],
    );
  assert.deepEqual(bootIndexes("network-first"), ["virtio-blk-pci 1", "virtio-net-pci 0"]);
  assert.deepEqual(bootIndexes("disk"), ["virtio-blk-pci 1"]);
});

test("the guest's reboot ends the emulator only when that is wanted", () => {
  assert.equal(qemuArguments(SHAPE, PLUGS).includes("-no-reboot"), false);
  assert.equal(qemuArguments({ ...SHAPE, stopAtReboot: true }, PLUGS).includes("-no-reboot"), true);
});

test("UEFI has its variables beside the disk and does not wait for IPv6; HTTP boot switches PXE off", () => {
  assert.deepEqual(valuesOf("-fw_cfg"), []);
  const uefi = { firmware: "uefi" as const, rom: false };
  assert.ok(valuesOf("-drive", uefi).some((drive) => drive.endsWith("file=/disks/vm1.qcow2.efivars")));
  assert.deepEqual(valuesOf("-fw_cfg", uefi), ["name=opt/org.tianocore/IPv6PXESupport,string=n"]);
  assert.deepEqual(valuesOf("-fw_cfg", { ...uefi, httpBoot: true }), [
    "name=opt/org.tianocore/IPv6PXESupport,string=n",
    "name=opt/org.tianocore/IPv4PXESupport,string=n",
  ]);
});
