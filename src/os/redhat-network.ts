/**
 * Network of the installer and of the installed system. They are written apart: the installer's by arguments of its
 * kernel, the installed system's as files of its network stack, in place of what Anaconda carries over. Kickstart's
 * `network` command cannot say it all on any release: ports by address, the bond's own address, several VLANs, a VLAN
 * over a bond before RHEL 9, values with commas.
 */
import { type Mac, macWithDashes } from "../base/address.ts";
import { dracutArguments } from "../bond/dracut.ts";
import { renderIfcfgRedhat } from "../bond/ifcfg-redhat.ts";
import type { ConfigFile } from "../bond/model.ts";
import { linkFiles } from "../bond/networkd.ts";
import { renderNmconnection } from "../bond/nmconnection.ts";
import type { Host, HostBond } from "../site/model.ts";
import { hostNetwork } from "./network.ts";
import type { Generation } from "./redhat-release.ts";

/**
 * Kernel arguments. There is always an `ip=`, or the initrd would make one of the answer file's first `network`
 * command (Anaconda, dracut/parse-kickstart).
 */
export function installerNetwork(host: Host, booted: Mac): readonly string[] {
  const { bond } = host;
  if (!bond || !installsOverBond(bond, booted)) return [`BOOTIF=01-${macWithDashes(booted)}`, "ip=dhcp"];
  return dracutArguments(hostNetwork({ ...host, bond: { ...bond, vlans: [] } }, booted));
}

/**
 * The bond of the installed system is right for the installer in every mode: 1, 5 and 6 ask nothing of the switch; with
 * a static group (0, 2, 3) answers arrive at any member, so that a single NIC would miss some; with LACP (4) a single
 * NIC works as long as the switch falls back, and not at all where iPXE had spoken LACP for the firmware.
 * A single NIC is right where the bond cannot be up yet: its network is tagged, while the port that the machine booted
 * from is not; or the machine booted on purpose from a port outside the group.
 */
function installsOverBond(bond: HostBond, booted: Mac): boolean {
  return bond.vlan === undefined && bond.members.includes(booted);
}

/**
 * ifcfg files up to RHEL 8, where HWADDR gives a NIC its name: systemd 239 does not yet know link files by permanent
 * address. NetworkManager's keyfiles from RHEL 9 on, with `nicNames`.
 */
export function networkFiles(host: Host, booted: Mac, generation: Generation): readonly ConfigFile[] {
  const plan = hostNetwork(host, booted);
  return generation < 9 ? renderIfcfgRedhat(plan) : renderNmconnection(plan);
}

/**
 * What names the NICs of the installed system, from RHEL 9 on. It must be there before the packages, since the kernel's
 * makes an initrd, which names NICs as well.
 */
export function nicNames(host: Host, booted: Mac, generation: Generation): readonly ConfigFile[] {
  return generation < 9 ? [] : linkFiles(hostNetwork(host, booted));
}
