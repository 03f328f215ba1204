import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { askRpc } from "../../../../src/server/nfs/ask.ts";
import { encodeCall, NFS3_PORT_QUERY, nfsNull, parseReply } from "../../../../src/server/nfs/rpc-message.ts";

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
/** As nfs-ganesha 4.3 and rpcbind 1.2.6 answered. */
const NULL_REPLY = bytes("80000018 00000007 00000001 00000000 00000000 00000000 00000000");
const PORT_REPLY = bytes("8000001c 00000007 00000001 00000000 00000000 00000000 00000000 00000801");
/** PROG_MISMATCH: versions 3 to 4. */
const MISMATCH = bytes("80000020 00000007 00000001 00000000 00000000 00000000 00000002 00000003 00000004");

test("calls as RFC 5531 has them", () => {
  const head = "00000007 00000000 00000002";
  const none = "00000000 00000000 00000000 00000000";
  assert.deepEqual(encodeCall(7, nfsNull(3)), bytes(`80000028 ${head} 000186a3 00000003 00000000 ${none}`));
  assert.deepEqual(
    encodeCall(7, NFS3_PORT_QUERY),
    bytes(`80000038 ${head} 000186a0 00000002 00000003 ${none} 000186a3 00000003 00000006 00000000`),
  );
});

test("replies: results, not whole yet, refused", () => {
  assert.deepEqual(parseReply(7, NULL_REPLY), []);
  assert.deepEqual(parseReply(7, PORT_REPLY), [2049]);
  for (let length = 0; length < PORT_REPLY.length; length++)
    assert.equal(parseReply(7, PORT_REPLY.subarray(0, length)), undefined);
  assert.throws(() => parseReply(7, MISMATCH), /refused/);
  assert.throws(() => parseReply(8, NULL_REPLY), /refused/);
  for (const odd of ["00000018", "80000004", "80001000", "8000001a"])
    assert.throws(() => parseReply(7, bytes(odd)), /no reply of RPC/);
});

/** Its port, and what ends it: it answers each connection's first bytes with `reply`, in two pieces, or hangs up. */
async function answering(reply: Uint8Array | undefined): Promise<{ port: number; close: () => Promise<void> }> {
  const server = createServer((socket) => {
    socket.once("data", () => {
      if (reply) socket.setNoDelay().write(reply.subarray(0, 10), () => socket.write(reply.subarray(10)));
      else socket.end();
    });
    socket.on("error", () => undefined);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => void (await once(server.close(), "close")),
  };
}

test("a service is asked: results, a refusal, one that hangs up, silence, nobody there", async () => {
  const forever = new AbortController();
  const own = Buffer.from(PORT_REPLY);
  own.writeUInt32BE(1, 4);
  const good = await answering(own);
  assert.deepEqual(await askRpc(good.port, NFS3_PORT_QUERY, forever.signal), [2049]);
  const refusing = await answering(MISMATCH);
  await assert.rejects(askRpc(refusing.port, nfsNull(3), forever.signal), /refused/);
  const short = await answering(undefined);
  await assert.rejects(askRpc(short.port, nfsNull(3), forever.signal), /ended without an answer/);
  const silent = await answering(own.subarray(0, 20));
  const late = new AbortController();
  const asked = askRpc(silent.port, nfsNull(3), late.signal);
  late.abort();
  await assert.rejects(asked, { name: "AbortError" });
  for (const each of [good, refusing, short, silent]) await each.close();
  await assert.rejects(askRpc(good.port, nfsNull(3), forever.signal), { code: "ECONNREFUSED" });
});
