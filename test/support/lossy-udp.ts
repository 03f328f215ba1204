/** A UDP relay in front of a server that loses, doubles and reorders packets, both ways, by a seeded choice. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

export interface LossyOptions {
  readonly target: { readonly address: string; readonly port: number };
  /** Where it listens; any free port. */
  readonly address: string;
  /** Share of packets, 0 to 1, that meets each fate. */
  readonly loss: number;
  readonly duplicate: number;
  readonly reorder: number;
  readonly seed: number;
}

export interface LossyRelay {
  readonly port: number;
  /** What has happened so far: so that a test can tell that it has tested something. */
  readonly fates: { readonly lost: number; readonly doubled: number; readonly held: number };
  close(): Promise<void>;
}

/** Milliseconds a packet is held when nothing overtakes it before. */
const HOLD = 20;

export async function openLossyRelay(options: LossyOptions): Promise<LossyRelay> {
  const chance = random(options.seed);
  const fates = { lost: 0, doubled: 0, held: 0 };
  let closed: boolean = false;
  const front = await boundSocket(options.address);
  const lane = (send: (packet: Buffer) => void): ((packet: Buffer) => void) => {
    let held: { packet: Buffer; timer: NodeJS.Timeout } | undefined;
    const release = () => {
      if (held === undefined || closed) return;
      clearTimeout(held.timer);
      send(held.packet);
      held = undefined;
    };
    return (packet) => {
      if (chance() < options.loss) {
        fates.lost++;
        return;
      }
      if (held === undefined && chance() < options.reorder) {
        fates.held++;
        held = { packet, timer: setTimeout(release, HOLD) };
        return;
      }
      send(packet);
      release();
      if (chance() >= options.duplicate) return;
      fates.doubled++;
      send(packet);
    };
  };

  const connect = async (client: { address: string; port: number }) => {
    const back = await boundSocket(options.address);
    const toClient = lane((packet) => front.send(packet, client.port, client.address));
    back.on("message", toClient);
    return { back, toServer: lane((packet) => back.send(packet, options.target.port, options.target.address)) };
  };

  /** One socket towards the server for each client, so that the server can tell them apart. */
  const clients = new Map<string, ReturnType<typeof connect>>();
  front.on("message", async (packet, client) => {
    const key = `${client.address}:${client.port}`;
    const connection = clients.get(key) ?? connect(client);
    clients.set(key, connection);
    (await connection).toServer(packet);
  });

  return {
    port: front.address().port,
    fates,
    async close() {
      closed = true;
      front.close();
      for (const { back } of await Promise.all(clients.values())) back.close();
    },
  };
}

async function boundSocket(address: string): Promise<Socket> {
  const socket = createSocket({ type: "udp4", recvBufferSize: 4 << 20, sendBufferSize: 4 << 20 });
  socket.bind(0, address);
  await once(socket, "listening");
  return socket;
}

/** mulberry32: small, seeded, good enough to choose victims. Numbers from 0 up to, not including, 1. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
