/** How this server stands to the others: who is alive, who holds what, how near its copy of the common state is. */
import type { PairState } from "../../cluster/pair.ts";
import type { LinkState } from "../../store/replica-link.ts";
import type { ClusterServer } from "../boot/operations.ts";
import { flag, type Sheet } from "./sheet.ts";

export interface ClusterFigures {
  /** All servers of the site. */
  readonly servers: () => readonly ClusterServer[];
  readonly isDraining: () => boolean;
  /** Milliseconds since the common state was last reached; 0 = it is now. */
  readonly awayMs: () => number;
  readonly state: () => CommonState;
}

export interface CommonState {
  readonly state: LinkState;
  readonly position: number;
  readonly outbox: number;
  /** Of two servers without a third machine. */
  readonly pair?: PairState;
}

const LINK_STATES: readonly LinkState[] = ["away", "catching-up", "current"];
const PAIR_STATES: readonly PairState[] = ["paired", "sole", "waiting"];

/** @param self name of this server */
export function putClusterFigures(sheet: Sheet, self: string, cluster: ClusterFigures): void {
  const servers = cluster.servers();
  for (const { name, alive } of servers)
    if (name !== self) sheet.put("everboot_peer_alive", { peer: name }, flag(alive));
  for (const { floating, heldBy } of servers) if (floating) putHolder(sheet, servers, floating, heldBy);
  sheet.put("everboot_draining", {}, flag(cluster.isDraining()));
  const { state, position, outbox, pair } = cluster.state();
  sheet.putState("everboot_store_state", LINK_STATES, state);
  sheet.put("everboot_store_lag_seconds", {}, cluster.awayMs() / 1000);
  sheet.put("everboot_store_position", {}, position);
  sheet.put("everboot_store_outbox_facts", {}, outbox);
  if (pair) sheet.putState("everboot_pair_state", PAIR_STATES, pair);
}

function putHolder(sheet: Sheet, servers: readonly ClusterServer[], address: string, heldBy: string | undefined) {
  for (const { name } of servers)
    sheet.put("everboot_floating_address_holder", { address, holder: name }, flag(name === heldBy));
}
