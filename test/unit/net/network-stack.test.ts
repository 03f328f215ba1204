import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { type StackInUse, stackFiles, stackInUse } from "../../../src/net/network-stack.ts";

/** A folder with these files in it; a text that begins with `->` makes a link. */
function rootWith(t: TestContext, files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), "everboot-stack-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    if (text.startsWith("->")) symlinkSync(text.slice(2), join(root, path));
    else writeFileSync(join(root, path), text);
  }
  return root;
}

const INTERFACES = { "etc/network/interfaces": "auto lo\n" };
const NETPLAN = { "etc/netplan/50-cloud-init.yaml": "network: {version: 2}\n" };
const NETWORKD = {
  "etc/systemd/system/multi-user.target.wants/systemd-networkd.service":
    "->/lib/systemd/system/systemd-networkd.service",
};
const MANAGED = {
  "sys/class/net/eth0/ifindex": "2\n",
  "run/NetworkManager/devices/2": "[device]\nconnection-uuid=1-2\n",
};
const UNMANAGED = { ...MANAGED, "run/NetworkManager/devices/2": "[device]\nmanaged=false\n" };
const REDHAT = { "etc/sysconfig/network-scripts/ifcfg-eth0": "DEVICE=eth0\n" };

const CASES: ReadonlyArray<readonly [name: string, Readonly<Record<string, string>>, StackInUse | undefined]> = [
  ["nothing", {}, undefined],
  ["Debian", INTERFACES, { stack: "ifupdown" }],
  ["Debian with systemd-networkd", { ...INTERFACES, ...NETWORKD }, { stack: "networkd", manager: "systemd-networkd" }],
  [
    "a networkd that runs and is not enabled",
    { "run/systemd/netif/links/2": "" },
    { stack: "networkd", manager: "systemd-networkd" },
  ],
  ["Ubuntu Server", { ...NETPLAN, ...NETWORKD }, { stack: "netplan", manager: "systemd-networkd" }],
  ["Ubuntu Desktop", { ...NETPLAN, ...MANAGED }, { stack: "nmconnection", manager: "NetworkManager" }],
  ["a NetworkManager that leaves the port alone", { ...INTERFACES, ...UNMANAGED }, { stack: "ifupdown" }],
  ["Red Hat 8 with NetworkManager", { ...REDHAT, ...MANAGED }, { stack: "nmconnection", manager: "NetworkManager" }],
  ["Red Hat 6", REDHAT, { stack: "ifcfg-redhat" }],
  ["SLES 15 with wicked", { "etc/wicked/common.xml": "" }, { stack: "ifcfg-suse" }],
  ["SLES 10", { "etc/sysconfig/network/ifcfg-eth0": "" }, { stack: "ifcfg-suse" }],
];

for (const [name, files, expected] of CASES) {
  test(`${name}: ${expected?.stack ?? "no stack"}`, async (t) => {
    assert.deepEqual(await stackInUse(["eth1", "eth0"], rootWith(t, files)), expected);
  });
}

test("a stack's files come with their text, folders are passed over", async (t) => {
  const own = { ...INTERFACES, "etc/network/interfaces.d/b": "# b\n", "etc/network/interfaces.d/a/x": "# no\n" };
  const found = await stackFiles("ifupdown", rootWith(t, own));
  assert.deepEqual(
    found.map(({ path, text }) => [path, text]),
    [
      ["/etc/network/interfaces", "auto lo\n"],
      ["/etc/network/interfaces.d/b", "# b\n"],
    ],
  );
});
