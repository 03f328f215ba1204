/** Netplan's YAML (netplan.io's reference, versions 0.99 to 1.1), as Ubuntu's installer and installed system read it. */
import { stringify } from "yaml";
import type { Addressing, BondSettings, Device, NetworkPlan, Nic, PlannedBond, StackRenderer } from "./model.ts";
import { networkdLacks } from "./networkd.ts";

type Mapping = Readonly<Record<string, unknown>>;

/** Words of `parameters`. Times without a unit are milliseconds. */
const PARAMETERS: Readonly<Record<keyof BondSettings, string>> = {
  mode: "mode",
  miimon: "mii-monitor-interval",
  updelay: "up-delay",
  downdelay: "down-delay",
  arp_interval: "arp-interval",
  arp_ip_target: "arp-ip-targets",
  arp_validate: "arp-validate",
  primary_reselect: "primary-reselect-policy",
  fail_over_mac: "fail-over-mac-policy",
  lacp_rate: "lacp-rate",
  xmit_hash_policy: "transmit-hash-policy",
  ad_select: "ad-select",
  min_links: "min-links",
  num_grat_arp: "gratuitous-arp",
};

/** One file. Netplan warns of one that others can read. */
export const renderNetplan: StackRenderer = (plan) => [
  {
    path: "/etc/netplan/01-everboot.yaml",
    mode: 0o600,
    text: netplanYaml({ network: netplanNetwork(plan) }),
  },
];

/**
 * YAML that readers of YAML 1.1 understand too: to PyYAML, which cloud-init and the installer use, a MAC address
 * without quotes can be a number to the base of 60.
 */
export function netplanYaml(value: Mapping): string {
  return stringify(value, { version: "1.1", lineWidth: 0 });
}

/** Settings of the bond that netplan, with systemd-networkd behind it, loses: they have no effect there. */
export function netplanLacks(bond: BondSettings): readonly (keyof BondSettings)[] {
  // 0 is to netplan as if nothing were said (src/networkd.c, write_bond_parameters), and the driver's default is 1.
  return bond.num_grat_arp === 0 ? [...networkdLacks(bond), "num_grat_arp"] : networkdLacks(bond);
}

/** What stands below `network:`. Write it with `netplanYaml`, or quote its MAC addresses. */
export function netplanNetwork({ nics, bond, devices }: NetworkPlan): Mapping {
  const device = (name: string) => devices.find((one) => one.name === name);
  const vlans = devices.flatMap(({ vlan, ...rest }) => (vlan ? [{ ...rest, vlan }] : []));
  return {
    version: 2,
    ethernets: Object.fromEntries(nics.map((nic) => [nic.name, ethernet(nic, device(nic.name))])),
    ...(bond && { bonds: { [bond.name]: bondMapping(bond, device(bond.name)) } }),
    ...(vlans.length > 0 && {
      vlans: Object.fromEntries(
        vlans.map((own) => [own.name, { id: own.vlan.id, link: own.vlan.parent, ...deviceMapping(own) }]),
      ),
    }),
  };
}

/** The permanent address is what netplan matches, so the NIC keeps its name when the bond gives it another address. */
function ethernet({ name, mac }: Nic, device: Device | undefined): Mapping {
  return { match: { macaddress: mac }, "set-name": name, ...deviceMapping(device) };
}

function bondMapping(bond: PlannedBond, device: Device | undefined): Mapping {
  return {
    interfaces: bond.members.map(({ name }) => name),
    ...(bond.mac && { macaddress: bond.mac }),
    parameters: parameters(bond),
    ...deviceMapping(device),
  };
}

function parameters(bond: PlannedBond): Mapping {
  const settings = Object.entries(PARAMETERS).map(([key, word]) => [word, bond[key as keyof BondSettings]]);
  const given = settings.filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(given), ...(bond.primary && { primary: bond.primary.name }) };
}

function deviceMapping(device: Device | undefined): Mapping {
  return {
    ...(device?.mtu !== undefined && { mtu: device.mtu }),
    ...addressMapping(device?.addressing ?? { kind: "none" }),
  };
}

/** A default route is `0.0.0.0/0`: the word `default` came with netplan 0.103 only. */
function addressMapping(addressing: Addressing): Mapping {
  switch (addressing.kind) {
    case "none":
      // A member without a cable, or a bond that carries VLANs only, must not hold up the boot for two minutes.
      return { optional: true, "link-local": [] };
    case "dhcp":
      // The DHCP server knows the host by its MAC address, which the installer had too.
      return { dhcp4: true, "dhcp-identifier": "mac" };
    case "static": {
      const { address, prefix, router, dns, domain } = addressing;
      return {
        addresses: [`${address}/${prefix}`],
        ...(router && { routes: [{ to: "0.0.0.0/0", via: router }] }),
        ...((dns.length > 0 || domain !== undefined) && {
          nameservers: {
            ...(dns.length > 0 && { addresses: [...dns] }),
            ...(domain !== undefined && { search: [domain] }),
          },
        }),
      };
    }
  }
}
