/**
 * Bytes from files to TCP sockets inside the kernel, by calls into the C library: sendfile(2), send(2), preadv2(2). None
 * of them waits for the network, and none throws: what fails is told as its errno below zero.
 */
import { endianness } from "node:os";
import { loadAddressOf, loadLibcQuiet } from "./libc.ts";
import { isPlainPath } from "./plain-path.ts";

export interface SendCalls {
  /** How many of the bytes the socket has taken. With `more` to follow at once, they wait for it to fill a packet. */
  send(socket: number, bytes: Uint8Array, more: boolean): number;
  /** How many bytes of `file`, from `offset`, the socket has taken; 0 at its end. Reads from the disk what is not in memory. */
  sendFile(socket: number, file: number, offset: number, length: number): number;
  /** Reads what is in memory already; EAGAIN when the disk would have to be asked. */
  readCached(file: number, into: Uint8Array, offset: number): number;
}

/** What the calls give for it, on every architecture that Linux runs Node on. */
export const EAGAIN = -11;

const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_MORE = 0x8000;
const RWF_NOWAIT = 8;

let loaded: Promise<SendCalls | undefined> | undefined;

/**
 * Undefined where koffi or a call is not there, and where EVERBOOT_PLAIN is set: then files go through Node's own
 * streams, at half the speed.
 */
export function sendCalls(): Promise<SendCalls | undefined> {
  loaded ??= isPlainPath() ? Promise.resolve(undefined) : loadSendCalls().catch(() => undefined);
  return loaded;
}

async function loadSendCalls(): Promise<SendCalls | undefined> {
  if (process.platform !== "linux" || endianness() !== "LE") return undefined;
  const call = await loadLibcQuiet();
  const addressOf = await loadAddressOf();
  const send = call("intptr_t send(int, const void *, size_t, int)");
  const sendFile = call("intptr_t sendfile64(int, int, void *, size_t)");
  const read = call("intptr_t preadv2(int, const void *, int, int64_t, int)");
  const from = new BigInt64Array(1);
  const fromBytes = new Uint8Array(from.buffer);
  // struct iovec: where, how much.
  const vector = new BigUint64Array(2);
  const vectorBytes = new Uint8Array(vector.buffer);
  return {
    send: (socket, bytes, more) =>
      send(socket, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0)),
    sendFile(socket, file, offset, length) {
      from[0] = BigInt(offset);
      return sendFile(socket, file, fromBytes, length);
    },
    readCached(file, into, offset) {
      vector[0] = addressOf(into);
      vector[1] = BigInt(into.length);
      return read(file, vectorBytes, 1, offset, RWF_NOWAIT);
    },
  };
}
