import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

const folder = mkdtempSync(join(tmpdir(), "everboot-packages-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function program(name: string, body: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`);
  chmodSync(join(folder, name), 0o755);
}

/** What `expression` is on a computer with these packages installed and those known to apt. */
function on(installed: readonly string[], known: readonly string[], expression: string): unknown {
  program("dpkg-query", installed.map((name) => `echo '${name} installed'`).join("\n"));
  program("apt-cache", known.map((name) => `echo ${name}`).join("\n"));
  const lab = new URL("../../../lab/prerequisites.ts", import.meta.url).href;
  const source = `const lab = await import("${lab}"); console.log(JSON.stringify(${expression}));`;
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
  const result = spawnSync(process.execPath, ["--input-type=module", "-e", source], { env, encoding: "utf8" });
  assert.equal(result.status, 0, result.stderr);
  return JSON.parse(result.stdout);
}

test("what is missing is told in order, each package once", () => {
  const installed = ["qemu-utils", "iproute2", "util-linux", "ovmf"];
  assert.deepEqual(on(installed, [], 'lab.missingPackages(["machines", "machines"])'), [
    "qemu-system-x86",
    "ipxe-qemu",
  ]);
});

test("the installer is the one that apt knows, or that is there", () => {
  const netboot = (version: number) => `debian-installer-${version}-netboot-amd64`;
  assert.deepEqual(on([], [netboot(13)], 'lab.missingPackages(["installer"])'), [netboot(13)]);
  assert.deepEqual(on([], [netboot(12)], 'lab.missingPackages(["installer"])'), [netboot(12)]);
  assert.deepEqual(on([netboot(13)], [netboot(12)], 'lab.missingPackages(["installer"])'), []);
});

test("tests are skipped with the names of what they lack", () => {
  const lacking = 'lab.packageObstacle("clients")';
  assert.match(String(on(["udhcpc"], [], lacking)), /^needs packages: isc-dhcp-client .*nftables/);
});
