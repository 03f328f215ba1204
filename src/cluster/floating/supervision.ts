/** What the daemon and the supervisor of its floating addresses tell each other, over Node's channel between them. */
import type { Ipv4 } from "../../base/address.ts";
import type { Witness } from "./advice.ts";
import type { Fitness } from "./fitness.ts";
import type { Peer, PeerView } from "./heartbeats.ts";
import type { FloatingEvent } from "./notify-fifo.ts";
import type { SteeredAddress } from "./steering.ts";

/** All that a supervisor needs: made of the site file by the daemon. */
export interface SupervisionPlan {
  readonly server: string;
  readonly addresses: readonly SteeredAddress[];
  /** Interfaces of these addresses. */
  readonly devices: readonly string[];
  readonly peers: readonly Peer[];
  /** Asked whether the LAN carries packets. */
  readonly router?: { readonly address: Ipv4; readonly device: string };
  /** Path of a device whose line ends at a peer. */
  readonly serial?: string;
  /** TCP ports at which the daemon serves. */
  readonly ports: readonly number[];
  /** Secret that all servers of the site share. */
  readonly key: Uint8Array;
  readonly program: string;
  /** Text of keepalived.conf. */
  readonly config: string;
  readonly folder: string;
  readonly frozenAfterMs: number;
}

export type ToSupervisor =
  | { readonly kind: "plan"; readonly plan: SupervisionPlan }
  | { readonly kind: "beat"; readonly fitness: Fitness }
  | { readonly kind: "release"; readonly address: Ipv4; readonly released: boolean }
  /** Give all addresses up, and go on watching. */
  | { readonly kind: "leave" }
  | { readonly kind: "stop" };

export type FromSupervisor =
  | { readonly kind: "started" }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "state"; readonly event: FloatingEvent }
  | { readonly kind: "seen"; readonly witness: Witness; readonly peers: readonly PeerView[] }
  /** Something to be repaired, while all goes on. */
  | { readonly kind: "trouble"; readonly reason: string }
  | { readonly kind: "log"; readonly line: string };

/** Milliseconds between two signs of life of the daemon. */
export const BEAT_MS = 20;

/** The files of a supervisor's folder. */
export function supervisionFiles(folder: string) {
  return {
    config: `${folder}/keepalived.conf`,
    pidFile: `${folder}/keepalived.pid`,
    vrrpPidFile: `${folder}/vrrp.pid`,
    notify: `${folder}/vrrp.fifo`,
    health: `${folder}/health`,
    hold: (address: Ipv4) => `${folder}/hold-${address}`,
    claim: (address: Ipv4) => `${folder}/claim-${address}`,
  };
}
