/**
 * A switch with link aggregation: a guest, because Linux bridges keep LACP's frames to themselves (IEEE 802.1Q 8.6.3:
 * its address, 01-80-C2-00-00-02, is not forwarded).
 */
import { type BondGuest, type BondGuestOptions, type CableEnd, startBondGuest } from "./bond-guest.ts";

export interface BondSwitchOptions extends Pick<BondGuestOptions, "space" | "name" | "image" | "logDirectory"> {
  /** Bridge of the namespace that the uplink leads to. */
  readonly bridge: string;
  /** What the ports `port0`, `port1`, ... are plugged into. */
  readonly cables: readonly CableEnd[];
  /** How the ports are joined: by LACP at its fast rate, or as a static group. */
  readonly group: "802.3ad" | "static";
  /** VLAN that is tagged on the ports and the uplink's own; absent = untagged. */
  readonly vlan?: number;
}

/** A static group that spreads frames over its ports one by one: the bond at the other end sees both in use. */
const GROUPS = { "802.3ad": "mode 802.3ad lacp_rate fast", static: "mode balance-rr" };

/** Milliseconds until a port without carrier is left out. */
const MIIMON = 50;

/** Resolves when the switch forwards; its guest has the NICs `uplink`, `port0`, `port1`, ... */
export async function startBondSwitch(options: BondSwitchOptions): Promise<BondGuest> {
  const { bridge, cables, group, vlan } = options;
  const ports = cables.map((link, index) => ({ name: `port${index}`, mac: `52:54:00:ff:00:1${index}`, link }));
  const uplink = { name: "uplink", mac: "52:54:00:ff:00:01", link: { bridge } };
  const guest = await startBondGuest({ ...options, nics: [uplink, ...ports] });
  const side = vlan === undefined ? "lag0" : `lag0.${vlan}`;
  const commands = [
    "ip link add br0 type bridge forward_delay 0",
    `ip link add lag0 type bond miimon ${MIIMON} ${GROUPS[group]}`,
    ...ports.map(({ name }) => `ip link set ${name} master lag0`),
    "ip link set lag0 up",
    ...(vlan === undefined ? [] : [`ip link add ${side} link lag0 type vlan id ${vlan}`]),
    ...["uplink", side].map((device) => `ip link set ${device} master br0 up`),
    "ip link set br0 up",
  ];
  try {
    for (const command of commands) await guest.run(command);
  } catch (error) {
    await guest.stop();
    throw error;
  }
  return guest;
}
