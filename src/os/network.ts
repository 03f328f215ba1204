/** A host's declaration as the network plan that every stack's renderer takes (bond/model.ts). */
import type { Mac } from "../base/address.ts";
import { type Addressing, type Device, type NetworkPlan, type Nic, type PlannedBond, vlanName } from "../bond/model.ts";
import type { Host, HostBond } from "../site/model.ts";

/** What a NIC is called on the machine that reads the result. */
export type NicName = (mac: Mac) => string;

/** `nic0`, `nic1`, ... in the order of the site file: a name of its own, so that it clashes with none of the kernel's. */
export function orderedNicName(host: Host): NicName {
  return (mac) => `nic${host.nics.indexOf(mac)}`;
}

/** The network of the installed system. `booted` is the NIC that it is installed over. */
export function hostNetwork(host: Host, booted: Mac, nicName: NicName = orderedNicName(host)): NetworkPlan {
  const nicOf = (mac: Mac): Nic => ({ name: nicName(mac), mac });
  const { bond, name: hostname } = host;
  const addressing = hostAddressing(host);
  if (!bond) {
    const nic = nicOf(booted);
    return { hostname, nics: [nic], devices: [{ name: nic.name, addressing }] };
  }
  const planned = planBond(bond, booted, nicOf);
  return { hostname, nics: planned.members, bond: planned, devices: bondDevices(bond, addressing) };
}

/** One default gateway: a VLAN's, if one has it. */
function hostAddressing({ network, address, subnet, bond }: Host): Addressing {
  if (network === "dhcp") return { kind: "dhcp" };
  const { dns, domain } = subnet;
  const router = bond?.vlans.some((vlan) => vlan.router !== undefined) ? undefined : subnet.router;
  return {
    ...{ kind: "static", address, prefix: subnet.cidr.prefix, dns },
    ...(router && { router }),
    ...(domain !== undefined && { domain }),
  };
}

/**
 * The bond is pinned to the address of the NIC that booted: DHCP servers and switches have seen that one. Otherwise it
 * is that of whichever member came first, or a made-up one (systemd 241 and later).
 */
function planBond(bond: HostBond, booted: Mac, nicOf: (mac: Mac) => Nic): PlannedBond {
  const { device: name, members, primary, mtu: _mtu, vlan: _vlan, vlans: _vlans, ...settings } = bond;
  const pinned = members.includes(booted) ? booted : (primary ?? members[0]);
  return {
    ...settings,
    name,
    members: members.map(nicOf),
    ...(primary && { primary: nicOf(primary) }),
    ...(pinned && bond.fail_over_mac !== "active" && { mac: pinned }),
  };
}

function bondDevices(bond: HostBond, addressing: Addressing): Device[] {
  const { device, vlan, vlans } = bond;
  const mtu = bond.mtu === undefined ? {} : { mtu: bond.mtu };
  const tagged = (id: number, own: Addressing): Device => ({
    ...{ name: vlanName(device, id), vlan: { id, parent: device }, addressing: own },
    ...mtu,
  });
  return [
    { name: device, addressing: vlan === undefined ? addressing : { kind: "none" }, ...mtu },
    ...(vlan === undefined ? [] : [tagged(vlan, addressing)]),
    ...vlans.map(({ id, address, router }) =>
      tagged(id, address ? { kind: "static", ...address, dns: [], ...(router && { router }) } : { kind: "dhcp" }),
    ),
  ];
}
