/**
 * A daemon that is stopped goes on gaining clients: its kernel accepts their connections and acknowledges their
 * requests, and nobody will answer. Its supervisor tells the other servers of them, as the daemon tells of those that it
 * knows itself; whoever has their address wakes them (server/peers/tickle.ts).
 */
import { PEER_PORT, packFacts, sealPeerMessage, supervisorOf, type TcpConnection } from "../../wire/peer-message.ts";

export interface LastWordsOptions {
  readonly server: string;
  readonly key: Uint8Array;
  /** Larger at each start. */
  readonly epoch: number;
  /** The TCP connections of the served ports here. May reject. */
  readonly connections: () => Promise<readonly TcpConnection[]>;
  readonly send: (packets: readonly Uint8Array[], port: number) => void;
}

/** Milliseconds. */
const AGAIN_MS = 100;

export class LastWords {
  private readonly options: LastWordsOptions;
  private sequence = 0;
  private round = 0;
  private nextAt = -Infinity;

  constructor(options: LastWordsOptions) {
    this.options = options;
  }

  /** Call it while the daemon is stopped, as often as you like. `now` in milliseconds of a clock that only goes on. */
  async speak(now: number): Promise<void> {
    if (now < this.nextAt) return;
    this.nextAt = now + AGAIN_MS;
    const { server, key, epoch, send } = this.options;
    // Nothing to read them from: the clients find out by their own timeouts.
    const connections = await this.options.connections().catch(() => []);
    this.round += 1;
    const packs = packFacts({ sessions: [], connections });
    const sender = supervisorOf(server);
    const head = { sender, epoch, round: this.round };
    send(
      packs.map((pack) => sealPeerMessage({ ...head, sequence: ++this.sequence, ...pack }, key)),
      PEER_PORT,
    );
  }
}
