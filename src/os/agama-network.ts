/**
 * The network of a machine that Agama installs. Agama brings up what its profile says at once, under the installation:
 * so a bond is in the profile only where the initrd has brought up the same one before (`bondedInstaller`). Otherwise
 * the installer keeps the NIC that booted, and the installed system gets NetworkManager's files.
 */
import type { BondMode, Device, NetworkPlan, Nic, PlannedBond } from "../bond/model.ts";
import { driverOptions, joinOptions } from "../bond/options.ts";
import type { Host } from "../site/model.ts";
import type { JsonObject } from "./agama-profile.ts";

/**
 * Modes that work on ports as the firmware has used them: those that need nothing of the switch, and LACP, which goes
 * on where its fall-back ends. A static link group may send answers to any port.
 */
const SAFE_MODES: readonly BondMode[] = ["active-backup", "802.3ad", "balance-tlb", "balance-alb"];

/** Is the bond up while the system is installed? Not below a tag: installer and firmware use the port untagged. */
export function bondedInstaller({ bond }: Pick<Host, "bond">): boolean {
  return bond !== undefined && bond.vlan === undefined && SAFE_MODES.includes(bond.mode);
}

/** Section `network`. Ports are joined by name: `ifname=` has given them theirs. */
export function networkSection({ nics, bond, devices }: NetworkPlan): JsonObject {
  return {
    connections: [
      ...(bond ? nics.map(port) : []),
      ...devices.map((device) => connection(device, bond?.name === device.name ? bond : undefined)),
    ],
  };
}

function port({ name }: Nic): JsonObject {
  return { id: name, interface: name, method4: "disabled", method6: "disabled" };
}

function connection({ name, vlan, addressing, mtu }: Device, bond: PlannedBond | undefined): JsonObject {
  return {
    id: name,
    interface: name,
    ...(mtu === undefined ? {} : { mtu }),
    ...(bond?.mac ? { customMacAddress: bond.mac } : {}),
    ...(bond ? { bond: bondSettings(bond) } : {}),
    ...(vlan ? { vlan: { id: vlan.id, parent: vlan.parent } } : {}),
    ...addresses(addressing),
  };
}

/** `options` without the mode, separated by spaces. */
function bondSettings({ mode, members, ...bond }: PlannedBond): JsonObject {
  const options = driverOptions({ mode, ...bond }).filter(([name]) => name !== "mode");
  return { mode, options: joinOptions(options, " "), ports: members.map(({ name }) => name) };
}

function addresses(addressing: Device["addressing"]): JsonObject {
  switch (addressing.kind) {
    case "none":
      return { method4: "disabled", method6: "disabled" };
    case "dhcp":
      return { method4: "auto", method6: "auto" };
    case "static": {
      const { address, prefix, router, dns, domain } = addressing;
      return {
        method4: "manual",
        method6: "auto",
        addresses: [`${address}/${prefix}`],
        ...(router ? { gateway4: router } : {}),
        ...(dns.length > 0 ? { nameservers: [...dns] } : {}),
        ...(domain === undefined ? {} : { dnsSearchList: [domain] }),
      };
    }
  }
}
