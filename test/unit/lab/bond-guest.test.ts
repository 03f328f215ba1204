import assert from "node:assert/strict";
import { test } from "node:test";
import { bondGuestArguments, type GuestPlug } from "../../../lab/bond-guest/arguments.ts";
import { placeInGuest } from "../../../lab/bond-guest/image.ts";
import { readPing } from "../../../lab/bond-guest/ping.ts";
import { cable } from "../../../lab/bond-guest.ts";

function netdevOf(plug: GuestPlug): string | undefined {
  const args = bondGuestArguments({
    memoryMb: 256,
    kernel: "/images/vmlinuz",
    initramfs: "/run/initramfs.cpio",
    nics: [{ name: "nic0", mac: "52:54:00:00:00:01", plug }],
    ...{ serialFd: 3, qmpFd: 4, consoleLog: "/run/console.log" },
  });
  return args[args.indexOf("-netdev") + 1];
}

test("a NIC on a bridge is plugged in by its tap device", () => {
  assert.equal(netdevOf({ tap: "vm-0" }), "tap,id=nic0-cable,ifname=vm-0,script=no,downscript=no");
});

test("the two ends of a cable between guests talk to each other", () => {
  const [left, right] = cable("/run/lab", "nic0");
  const between = (near: string, far: string) =>
    `dgram,id=nic0-cable,local.type=unix,local.path=${near},remote.type=unix,remote.path=${far}`;
  assert.equal(netdevOf(left), between("/run/lab/nic0.left", "/run/lab/nic0.right"));
  assert.equal(netdevOf(right), between("/run/lab/nic0.right", "/run/lab/nic0.left"));
});

test("a guest has one tree, whether the release merges /usr or not", () => {
  assert.equal(placeInGuest("usr/bin/ip"), "bin/ip");
  assert.equal(placeInGuest("bin/ip"), "bin/ip");
  assert.equal(placeInGuest("etc/usr/ip"), "etc/usr/ip");
});

test("the summary of ping is read as iputils writes it", () => {
  const summary = (text: string) =>
    `64 bytes from 10.0.0.1: icmp_seq=9 ttl=64 time=1 ms\n\n--- 10.0.0.1 ping statistics ---\n${text}\n`;
  assert.deepEqual(readPing(summary("100 packets transmitted, 98 received, 2% packet loss, time 9950ms")), {
    sent: 100,
    received: 98,
  });
  assert.deepEqual(readPing(summary("3 packets transmitted, 0 received, +3 errors, 100% packet loss, time 2ms")), {
    sent: 3,
    received: 0,
  });
  assert.equal(readPing("ping: nohost: Name or service not known\n"), undefined);
});
