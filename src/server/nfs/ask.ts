/** Asks a service of ONC RPC one thing, over a TCP connection of its own. */
import { connect } from "node:net";
import { encodeCall, parseReply, type RpcCall } from "./rpc-message.ts";

export type AskRpc = (port: number, call: RpcCall, signal: AbortSignal) => Promise<readonly number[]>;

/** Each call has a connection of its own, where numbers need not differ. */
const XID = 1;

/** Of this machine: the results. Rejects when nobody answers before the signal, or with a refusal. */
export const askRpc: AskRpc = (port, call, signal) =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, signal });
    let bytes = Buffer.alloc(0);
    socket.once("connect", () => socket.write(encodeCall(XID, call)));
    socket.on("data", (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      try {
        const results = parseReply(XID, bytes);
        if (results) socket.end(() => resolve(results));
      } catch (error) {
        socket.destroy();
        reject(error);
      }
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("ended without an answer")));
  });
