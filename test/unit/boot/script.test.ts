import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { test } from "node:test";
import type { Ipv4, Mac } from "../../../src/base/address.ts";
import { renderGrub } from "../../../src/boot/grub.ts";
import { renderIpxe } from "../../../src/boot/ipxe.ts";
import { parsePxelinuxName, renderPxelinux } from "../../../src/boot/pxelinux.ts";
import type { BootScript } from "../../../src/boot/script.ts";
import { assertGolden } from "../../support/golden.ts";

const server = { address: "192.168.77.1" as Ipv4, httpPort: 80 };
const install: BootScript = {
  kind: "install",
  title: "vm1 installs debian-12 with profile plain: permit p1",
  server,
  kernel: "boot/0123/52-54-00-00-00-01/linux",
  initrd: "boot/0123/52-54-00-00-00-01/initrd",
  arguments: ["auto=true", "priority=critical", "BOOTIF=01-52-54-00-00-00-01", "---", "quiet"],
};
const local: BootScript = { kind: "local", title: "vm1 boots from its disk: it has no permit" };

const wait: BootScript = {
  kind: "wait",
  title: "vm1 waits for a place: 12th of 1950",
  server,
  mac: "52:54:00:00:00:01" as Mac,
  since: 1767225600000,
  seconds: 4,
};

const renderers = { ipxe: renderIpxe, "pxelinux.cfg": renderPxelinux, "grub.cfg": renderGrub } as const;
for (const [name, render] of Object.entries(renderers)) {
  test(`${name} of an install`, () => assertGolden(`boot/install.${name}`, render(install)));
  test(`${name} of a wait`, () => assertGolden(`boot/wait.${name}`, render(wait)));
  test(`${name} of a local boot`, () => assertGolden(`boot/local.${name}`, render(local)));
  test(`${name} cannot be broken out of by a title`, () => {
    const script = render({ ...local, title: 'x"; reboot\n${evil} `x` $(x)' });
    assert.doesNotMatch(script, /[`]|\$\{evil\}|"; reboot/);
  });
}

const noGrub = spawnSync("grub-script-check", ["--version"]).error ? "needs grub-script-check (grub-common)" : false;
test("GRUB's own checker accepts all", { skip: noGrub }, () => {
  for (const script of [install, local, wait]) execFileSync("grub-script-check", { input: renderGrub(script) });
});

const names: ReadonlyArray<[string, unknown]> = [
  ["default", { kind: "default" }],
  ["C0A80080", { kind: "address", address: "192.168.0.128" }],
  ["C0A8008", undefined],
  ["c0a80080", undefined],
  ["01-52-54-00-00-00-01", { kind: "mac", mac: "52:54:00:00:00:01" }],
  ["06-52-54-00-00-00-01", undefined],
  ["00112233-4455-6677-8899-aabbccddeeff", undefined],
];
for (const [name, expected] of names) {
  test(`pxelinux.cfg/${name}`, () => assert.deepEqual(parsePxelinuxName(name), expected));
}
