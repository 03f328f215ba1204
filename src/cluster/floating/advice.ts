/**
 * What several heartbeat links tell about one floating address. VRRP hears the LAN alone: a congested or divided LAN
 * looks to it like a dead holder. Who is alive on another link tells the two apart. Pure.
 */

/** Does the LAN carry this server's packets? `yes`: a peer or the router is heard there. `unknown`: nobody to ask. */
export type Witness = "yes" | "no" | "unknown";

/** One server, as it tells of itself. */
export interface Standing {
  /** Place in the order of holders of this address: 0 is its owner. */
  readonly rank: number;
  readonly witness: Witness;
  /** Has the address now. */
  readonly holds: boolean;
}

export interface PeerStanding extends Standing {
  /** The links on which it is heard: the LAN, only others, none. */
  readonly heard: "lan" | "elsewhere" | "nowhere";
}

/**
 * - `keep`: as VRRP decides
 * - `yield`: give the address up, and do not take it
 * - `take`: no other server can serve it; as VRRP decides, which will find nobody better
 */
export type Advice = "keep" | "yield" | "take";

/**
 * Servers that hear each other and use this rule never all leave the address, and as soon as one holds it, it stays
 * with servers of one part of the LAN: the part that the router is in, else the one where the address is.
 */
export function advise(own: Standing, peers: readonly PeerStanding[]): Advice {
  if (peers.every(({ heard }) => heard === "nowhere")) return "take";
  const apart = peers.filter(({ heard }) => heard === "elsewhere");
  if (apart.length === 0 || own.witness === "unknown") return "keep";
  if (own.witness === "no" && apart.some(({ witness }) => witness === "yes")) return "yield";
  const rivals = apart.filter(({ witness }) => witness === own.witness);
  if (rivals.length === 0) return apart.some(({ witness }) => witness === "unknown") ? "keep" : "take";
  return rivals.some((rival) => goesBefore(rival, own)) ? "yield" : "keep";
}

/** The holder goes on, so that nothing moves; of two, the one nearer to the owner. */
function goesBefore(a: Standing, b: Standing): boolean {
  return a.holds && (!b.holds || a.rank < b.rank);
}
