import assert from "node:assert/strict";
import { test } from "node:test";
import { stageOfPath } from "../../../src/cluster/stage-of-path.ts";

const TOKEN = "00112233445566778899aabbccddeeff";

const ROWS: ReadonlyArray<readonly [string, string | undefined]> = [
  ["/undionly.kpxe", "loader"],
  ["undionly.kpxe", "loader"],
  ["/snponly.efi", "loader"],
  ["/pxelinux.0", "loader"],
  ["/ldlinux.c32", "loader"],
  ["/shimx64.efi.signed", "loader"],
  ["/boot/ipxe/52-54-00-00-00-01", "script"],
  ["/pxelinux.cfg/01-52-54-00-00-00-01", "script"],
  ["pxelinux.cfg/C0A84D65", "script"],
  ["/pxelinux.cfg/default", "script"],
  ["/grub/grub.cfg", "script"],
  ["/grub/x86_64-efi/command.lst", "script"],
  [`/boot/${TOKEN}/52-54-00-00-00-01/linux`, "kernel"],
  [`/boot/${TOKEN}/52-54-00-00-00-01/initrd`, "kernel"],
  [`/boot/${TOKEN}/52-54-00-00-00-01/other`, undefined],
  [`/boot/${TOKEN}-0123abcd@3f9c0a51b2d4/52-54-00-00-00-01/linux`, "kernel"],
  [`boot/${TOKEN}@3f9c0a51b2d4/52-54-00-00-00-01/initrd`, "kernel"],
  ["/trees/debian-12/dists/bookworm/Release", "packages"],
  ["/trees/debian-12@3f9c0a51b2d4/dists/bookworm/Release", "packages"],
  ["trees/debian-12@3f9c0a51b2d4/pool/main/s/shim/boot.efi", "packages"],
  ["/trees/debian-12/pool/main/l/linux/kernel-image-di.udeb", "packages"],
  ["/trees/debian-12/pool/main/l/linux/linux-image-6.1.0_amd64.deb", "packages"],
  ["/trees/debian-12/pool/main/s/shim/boot.efi", "packages"],
  [`/report/${TOKEN}/done`, undefined],
  ["/", undefined],
  ["/trees/", undefined],
  ["/favicon.ico", undefined],
];

for (const [path, stage] of ROWS) {
  test(`${path} belongs to ${stage ?? "no stage"}`, () => assert.equal(stageOfPath(path), stage));
}
