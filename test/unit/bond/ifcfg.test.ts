import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Ipv4, Mac } from "../../../src/base/address.ts";
import { renderIfcfgRedhat } from "../../../src/bond/ifcfg-redhat.ts";
import { renderIfcfgSuse } from "../../../src/bond/ifcfg-suse.ts";
import type { NetworkPlan, StackRenderer } from "../../../src/bond/model.ts";

const NIC0 = { name: "nic0", mac: "52:54:00:00:0a:01" as Mac };
const NIC1 = { name: "nic1", mac: "52:54:00:00:0a:02" as Mac };
const BONDED: NetworkPlan = {
  hostname: "h1",
  nics: [NIC0, NIC1],
  bond: {
    ...{ name: "bond0", members: [NIC0, NIC1], primary: NIC1, mac: NIC0.mac, mode: "active-backup" },
    ...{ arp_interval: 1000, arp_ip_target: ["10.0.0.1", "10.0.0.2"] as Ipv4[], arp_validate: "all" },
  },
  devices: [
    {
      name: "bond0",
      addressing: {
        ...{ kind: "static", address: "10.0.0.10" as Ipv4, prefix: 20, router: "10.0.0.1" as Ipv4 },
        ...{ dns: ["10.0.0.1", "10.0.0.2"] as Ipv4[], domain: "rack.example" },
      },
      mtu: 9000,
    },
    { name: "bond0.100", vlan: { id: 100, parent: "bond0" }, addressing: { kind: "dhcp" } },
    { name: "bond0.200", vlan: { id: 200, parent: "bond0" }, addressing: { kind: "none" } },
  ],
};
const SINGLE: NetworkPlan = {
  hostname: "h1",
  nics: [NIC0],
  devices: [{ name: "nic0", addressing: { kind: "dhcp" }, mtu: 1400 }],
};

function filesOf(render: StackRenderer, plan: NetworkPlan): Record<string, string> {
  return Object.fromEntries(render(plan).map(({ path, text }) => [path, text]));
}

test("Red Hat: members by their addresses, the bond, its VLANs", () => {
  const folder = "/etc/sysconfig/network-scripts";
  const options = "mode=active-backup arp_interval=1000 arp_ip_target=10.0.0.1,10.0.0.2 arp_validate=all primary=nic1";
  const member = (name: string, mac: string) =>
    `DEVICE=${name}\nTYPE=Ethernet\nHWADDR=${mac}\nBOOTPROTO=none\nMASTER=bond0\nSLAVE=yes\nONBOOT=yes\n`;
  const vlan = (id: number, method: string) =>
    `DEVICE=bond0.${id}\nTYPE=Vlan\nVLAN=yes\nPHYSDEV=bond0\nVLAN_ID=${id}\nBOOTPROTO=${method}\nONBOOT=yes\n`;
  assert.deepEqual(filesOf(renderIfcfgRedhat, BONDED), {
    [`${folder}/ifcfg-nic0`]: member("nic0", "52:54:00:00:0A:01"),
    [`${folder}/ifcfg-nic1`]: member("nic1", "52:54:00:00:0A:02"),
    [`${folder}/ifcfg-bond0`]: `DEVICE=bond0
TYPE=Bond
BONDING_MASTER=yes
BONDING_OPTS="${options}"
MACADDR=52:54:00:00:0A:01
BOOTPROTO=none
IPADDR=10.0.0.10
NETMASK=255.255.240.0
GATEWAY=10.0.0.1
DNS1=10.0.0.1
DNS2=10.0.0.2
DOMAIN=rack.example
MTU=9000
ONBOOT=yes
`,
    [`${folder}/ifcfg-bond0.100`]: vlan(100, "dhcp"),
    [`${folder}/ifcfg-bond0.200`]: vlan(200, "none"),
  });
});

test("Red Hat: one port", () => {
  assert.deepEqual(filesOf(renderIfcfgRedhat, SINGLE), {
    "/etc/sysconfig/network-scripts/ifcfg-nic0":
      "DEVICE=nic0\nTYPE=Ethernet\nHWADDR=52:54:00:00:0A:01\nBOOTPROTO=dhcp\nMTU=1400\nONBOOT=yes\n",
  });
});

test("SUSE: members started by the bond, the bond, its VLANs, the route in a file of its own", () => {
  const folder = "/etc/sysconfig/network";
  const options = "mode=active-backup arp_interval=1000 arp_ip_target=10.0.0.1,10.0.0.2 arp_validate=all primary=nic1";
  const vlan = (id: number, method: string) =>
    `STARTMODE='auto'\nBOOTPROTO='${method}'\nETHERDEVICE='bond0'\nVLAN_ID='${id}'\n`;
  assert.deepEqual(filesOf(renderIfcfgSuse, BONDED), {
    [`${folder}/ifcfg-nic0`]: "STARTMODE='hotplug'\nBOOTPROTO='none'\n",
    [`${folder}/ifcfg-nic1`]: "STARTMODE='hotplug'\nBOOTPROTO='none'\n",
    [`${folder}/ifcfg-bond0`]: `STARTMODE='auto'
BOOTPROTO='static'
IPADDR='10.0.0.10'
PREFIXLEN='20'
BONDING_MASTER='yes'
BONDING_MODULE_OPTS='${options}'
BONDING_SLAVE0='nic0'
BONDING_SLAVE1='nic1'
LLADDR='52:54:00:00:0a:01'
MTU='9000'
`,
    [`${folder}/ifcfg-bond0.100`]: vlan(100, "dhcp"),
    [`${folder}/ifcfg-bond0.200`]: vlan(200, "none"),
    [`${folder}/ifroute-bond0`]: "default 10.0.0.1 - bond0\n",
  });
});

test("SUSE: one port", () => {
  assert.deepEqual(filesOf(renderIfcfgSuse, SINGLE), {
    "/etc/sysconfig/network/ifcfg-nic0": "STARTMODE='auto'\nBOOTPROTO='dhcp'\nMTU='1400'\n",
  });
});

/** The network scripts of both families source these files, whatever characters a device's name has. */
test("a shell reads the values as they were meant", (t) => {
  const name = `a'b"$PWD\`;&`;
  const plan = { ...SINGLE, devices: [vlanOn(name)] };
  const variables = { redhat: ["PHYSDEV", "VLAN_ID"], suse: ["ETHERDEVICE", "VLAN_ID"] };
  assert.equal(sourced(t, renderIfcfgRedhat(plan)[0]?.text, variables.redhat), `${name}\n7\n`);
  assert.equal(sourced(t, renderIfcfgSuse(plan)[0]?.text, variables.suse), `${name}\n7\n`);
});

function vlanOn(parent: string) {
  return { name: "v7", vlan: { id: 7, parent }, addressing: { kind: "none" } } as const;
}

/** Values of the variables, a line each. */
function sourced(t: TestContext, text: string | undefined, variables: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "everboot-ifcfg-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "ifcfg");
  writeFileSync(file, text ?? "");
  const { status, stdout, stderr } = spawnSync(
    "sh",
    ["-c", `. "$0" && printf '%s\\n' ${variables.map((variable) => `"$${variable}"`).join(" ")}`, file],
    { encoding: "utf8" },
  );
  assert.deepEqual([status, stderr], [0, ""]);
  return stdout;
}
