/** /etc/modprobe.d/bonding.conf (modprobe.d(5)): the bonding driver's own parameters, for kernels 2.6 to 6.x. */
import type { StackRenderer } from "./model.ts";
import { driverOptions, joinOptions } from "./options.ts";

/**
 * The alias is for scripts that load the driver by the bond's name (RHEL 4 and 5, SLES 10, kernels 2.6). The options are
 * set for `bonding` and not for the alias: modprobe applies them whichever of the two names it was called by, as it
 * was with `rtnl-link-bond` for `ip link add` of later kernels. Bonds that are made later, through sysfs or netlink,
 * start with them, and what their network stack sets comes on top.
 *
 * `max_bonds=1` makes a `bond0` when the driver is loaded; the file that systemd ships overrules that with 0. Other names
 * are made by the network stack, and 0 (kernel 2.6.27 and later) keeps an idle `bond0` from standing beside them. An
 * option that a kernel below 3.11 does not know, as `min_links` before 3.1, keeps it from loading the driver.
 */
export const renderModprobe: StackRenderer = ({ bond }) => {
  if (!bond) return [];
  const made = bond.name === "bond0" ? 1 : 0;
  const text = `alias ${bond.name} bonding\noptions bonding max_bonds=${made} ${joinOptions(driverOptions(bond), " ")}\n`;
  return [{ path: "/etc/modprobe.d/bonding.conf", mode: 0o644, text }];
};
