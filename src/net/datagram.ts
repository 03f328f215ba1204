/** One UDP socket bound to one address, as a port: tests put a simulated network in its place. */
import { createSocket, type Socket } from "node:dgram";
import { listenError } from "./listen-error.ts";

export interface Peer {
  readonly address: string;
  readonly port: number;
}

export interface DatagramSocket {
  /** The port it is bound to. */
  readonly port: number;
  /** All datagrams of a burst at once, in order; what cannot be sent is lost, as on the wire. */
  send(packets: readonly Uint8Array[], to: Peer): void;
  close(): Promise<void>;
}

export interface DatagramEvents {
  message(packet: Uint8Array, from: Peer): void;
  /** Trouble of a single datagram; the socket goes on. */
  error(error: Error): void;
}

/** Rejects with EverbootError `port-in-use` or `port-denied`. Port 0 = any free one. */
export type OpenDatagramSocket = (
  protocol: string,
  address: string,
  port: number,
  events: DatagramEvents,
) => Promise<DatagramSocket>;

const RECEIVE_BUFFER = 1 << 20;

export const openDatagramSocket: OpenDatagramSocket = async (protocol, address, port, events) => {
  // Peers are numeric addresses: asking the resolver would cost a turn of the event loop for each datagram.
  const socket = createSocket({
    type: "udp4",
    recvBufferSize: RECEIVE_BUFFER,
    lookup: (host, _options, done) => done(null, host, 4),
  });
  await bound(socket, protocol, address, port);
  socket.on("message", (packet, from) => events.message(packet, from));
  socket.on("error", (error) => events.error(error));
  return {
    port: socket.address().port,
    send(packets, to) {
      for (const packet of packets) socket.send(packet, to.port, to.address);
    },
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
};

function bound(socket: Socket, protocol: string, address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: Error) => {
      socket.close();
      reject(listenError(error, protocol, address, port));
    };
    socket.once("error", refuse);
    socket.bind({ port, address, exclusive: true }, () => {
      socket.off("error", refuse);
      resolve();
    });
  });
}
