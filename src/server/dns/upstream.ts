/** One question to one other name server. A socket for each, so that whoever forges answers has to guess its port too. */
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import type { Clock } from "../../base/clock.ts";
import type { Peer } from "../../net/datagram.ts";
import { DnsFrames, frameDns } from "./frames.ts";

export interface Exchange<T> {
  readonly peer: Peer;
  readonly message: Uint8Array;
  /** What a message that comes back means; `undefined` = it is not the answer, and the wait goes on. */
  accept(message: Uint8Array): T | undefined;
  readonly clock: Clock;
  /** Milliseconds to wait. */
  readonly patience: number;
}

/** Resolves with `undefined` when no answer came, or the system could not send the question. */
export function askByUdp<T>({ peer, message, accept, clock, patience }: Exchange<T>): Promise<T | undefined> {
  return new Promise((resolve) => {
    // Peers are numeric addresses: no resolver is asked. Connected, so that the kernel passes on no other's datagrams.
    const socket = createSocket({ type: "udp4", lookup: (host, _options, done) => done(null, host, 4) }).unref();
    const end = once((answer?: T) => {
      timer.cancel();
      // It may not be connected yet.
      socket.removeAllListeners("connect");
      socket.close();
      resolve(answer);
    });
    const timer = clock.after(patience, () => end());
    socket.on("error", () => end());
    socket.on("message", (bytes) => {
      const answer = accept(bytes);
      if (answer !== undefined) end(answer);
    });
    socket.on("connect", () => socket.send(message));
    socket.connect(peer.port, peer.address);
  });
}

/** As `askByUdp`, for answers that are too long for a datagram. */
export function askByTcp<T>({ peer, message, accept, clock, patience }: Exchange<T>): Promise<T | undefined> {
  return new Promise((resolve) => {
    const frames = new DnsFrames();
    const socket = connect({ host: peer.address, port: peer.port }).unref();
    const end = once((answer?: T) => {
      timer.cancel();
      socket.destroy();
      resolve(answer);
    });
    const timer = clock.after(patience, () => end());
    socket.on("error", () => end());
    socket.on("close", () => end());
    socket.on("data", (chunk) => {
      for (const bytes of frames.push(chunk)) {
        const answer = accept(bytes);
        if (answer !== undefined) end(answer);
      }
    });
    socket.write(frameDns(message));
  });
}

/** The first call alone does something. */
function once<T>(task: (value?: T) => void): (value?: T) => void {
  let done = false;
  return (value) => {
    if (done) return;
    done = true;
    task(value);
  };
}
