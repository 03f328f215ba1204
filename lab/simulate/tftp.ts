/** Downloads by TFTP as firmware makes them: block by block, over one port to one port. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { decodeTftp, encodeTftp, type TftpPacket } from "../../src/wire/tftp-packet.ts";
import { type Caller, Refused } from "./http.ts";
import { OutOfPatience, TFTP } from "./patience.ts";

const PORT = 69;
/** iPXE's, and that of most ROMs: an Ethernet frame without its headers. */
const BLOCK_BYTES = 1432;

/** Rejects with Refused at the server's ERROR, with OutOfPatience when it stays silent. */
export async function fetchTftp(server: string, path: string, caller: Caller): Promise<Buffer> {
  const socket = createSocket("udp4");
  // A refused datagram is told on the next send: the silence counts, not the refusal.
  socket.on("error", () => {});
  socket.bind(0, caller.from ?? "0.0.0.0");
  await once(socket, "listening", { signal: caller.signal });
  try {
    return await transfer(socket, server, path, caller.signal);
  } finally {
    socket.close();
  }
}

async function transfer(socket: Socket, server: string, path: string, signal: AbortSignal): Promise<Buffer> {
  const blocks: Buffer[] = [];
  const options = [{ name: "blksize", value: String(BLOCK_BYTES) }];
  let say: TftpPacket = { kind: "read", path, mode: "octet", options };
  for (;;) {
    const packet = await ask(socket, server, say, blocks.length, signal);
    if (packet.kind === "error") throw new Refused(packet.code, path);
    if (packet.kind === "data") blocks.push(Buffer.from(packet.data));
    const acknowledgement: TftpPacket = { kind: "ack", block: blocks.length & 0xffff };
    say = acknowledgement;
    if (packet.kind !== "data" || packet.data.length === BLOCK_BYTES) continue;
    // Closed before it is on its way, the socket would take the last word with it.
    await new Promise((sent) => socket.send(encodeTftp(acknowledgement), PORT, server, sent));
    return Buffer.concat(blocks);
  }
}

/** The next packet that answers `say`, which is repeated. */
function ask(socket: Socket, server: string, say: TftpPacket, have: number, signal: AbortSignal): Promise<TftpPacket> {
  const { promise, resolve, reject } = Promise.withResolvers<TftpPacket>();
  const bytes = encodeTftp(say);
  const hear = (heard: Buffer) => {
    const packet = decodeTftp(heard);
    const isNext = packet.kind === "data" && packet.block === ((have + 1) & 0xffff);
    if (isNext || packet.kind === "error" || (packet.kind === "oack" && have === 0)) resolve(packet);
  };
  let timer: NodeJS.Timeout | undefined;
  let tries = 0;
  const next = () => {
    if (tries === TFTP.tries) return reject(new OutOfPatience(`no TFTP answer of ${server}`));
    tries += 1;
    socket.send(bytes, PORT, server);
    timer = setTimeout(next, TFTP.waitMs);
  };
  const stop = () => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  socket.on("message", hear);
  next();
  return promise.finally(() => {
    clearTimeout(timer);
    socket.off("message", hear);
    signal.removeEventListener("abort", stop);
  });
}
