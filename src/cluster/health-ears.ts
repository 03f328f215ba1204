/** Asks listeners of this machine as a client would, with requests that touch no file, permit or journal. */
import { request } from "node:http";
import type { Ipv4 } from "../base/address.ts";
import { openDatagramSocket } from "../net/datagram.ts";
import { encodeTftp } from "../wire/tftp-packet.ts";
import type { Ear } from "./health.ts";

/** The counters of a protocol server (`Server.counters`). */
type Counters = () => Readonly<Record<string, number>>;

/** What grows with each answer: `status.*`, `bytes`, `error.*`, `transfer.*`. */
const ANSWER = /^(status|error|transfer)\.|^bytes$/;

/** `OPTIONS *` is the ping of HTTP (RFC 9110 section 9.3.7); any answer is one. */
export function httpEar(address: Ipv4, port: number, counters: Counters): Ear {
  return {
    name: `HTTP ${address}`,
    answers: () => answersOf(counters),
    ask: (signal) =>
      new Promise((done, refuse) => {
        // A connection of its own: a listener that accepts none is as deaf as one that does not answer.
        const asked = request({ host: address, port, method: "OPTIONS", path: "*", agent: false, signal });
        asked.once("error", refuse);
        asked.once("response", (response) => {
          response.resume();
          done();
        });
        asked.end();
      }),
  };
}

/** A request in a mode that does not exist is answered by an ERROR at once (RFC 1350 section 5). */
export function tftpEar(address: Ipv4, counters: Counters, port = 69): Ear {
  const packet = encodeTftp({ kind: "read", path: "health", mode: "health", options: [] });
  return {
    name: `TFTP ${address}`,
    answers: () => answersOf(counters),
    async ask(signal) {
      let answered: () => void = () => undefined;
      const answer = new Promise<void>((done, refuse) => {
        answered = done;
        signal.addEventListener("abort", () => refuse(signal.reason), { once: true });
      });
      const socket = await openDatagramSocket("UDP", address, 0, { message: answered, error: () => undefined });
      try {
        socket.send([packet], { address, port });
        await answer;
      } finally {
        await socket.close();
      }
    },
  };
}

function answersOf(counters: Counters): number {
  return Object.entries(counters())
    .filter(([name]) => ANSWER.test(name))
    .reduce((sum, [, count]) => sum + count, 0);
}
