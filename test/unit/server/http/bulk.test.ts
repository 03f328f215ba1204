/** Files past Node: whatever the system takes and has in memory, the client gets each byte once, in order. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { truncate } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { EAGAIN, type SendCalls, sendCalls } from "../../../../src/net/sendfile.ts";
import { BulkSender } from "../../../../src/server/http/bulk.ts";
import { temporaryFolder, testBytes } from "../../../support/http-folder.ts";

const calls = await sendCalls();
const skip = calls ? false : "needs koffi on Linux, and EVERBOOT_PLAIN not set";

interface Pair extends AsyncDisposable {
  readonly server: Socket;
  readonly client: Socket;
}

async function socketPair(): Promise<Pair> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const accepted = once(listener, "connection");
  const client = connect((listener.address() as AddressInfo).port, "127.0.0.1");
  const [server] = (await accepted) as [Socket];
  server.on("error", () => undefined);
  return {
    ...{ server, client },
    async [Symbol.asyncDispose]() {
      client.destroy();
      server.destroy();
      listener.close();
      await once(listener, "close");
    },
  };
}

async function received(client: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of client) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** As the real ones, but each does only what the script says: all, a part, or nothing now. */
function scripted(real: SendCalls, script: readonly number[]): SendCalls {
  let step = 0;
  const next = () => script[step++ % script.length] ?? 1;
  return {
    send: real.send,
    sendFile: (socket, file, offset, length) => {
      const share = next();
      return share === 0 ? EAGAIN : real.sendFile(socket, file, offset, Math.max(1, Math.floor(length * share)));
    },
    readCached: (file, into, offset) => (next() === 0 ? EAGAIN : real.readCached(file, into, offset)),
  };
}

test("each byte arrives once and in order, whatever the system takes", { skip }, async () => {
  assert.ok(calls);
  await using folder = await temporaryFolder();
  const bytes = testBytes(3_000_000);
  const file = openSync(await folder.put("file", bytes), "r");
  const script = fc
    .array(fc.constantFrom(0, 0.001, 0.3, 1), { minLength: 1, maxLength: 12 })
    .filter((all) => all.some((share) => share > 0));
  const range = fc.tuple(fc.nat(1_000_000), fc.integer({ min: 1, max: 2_000_000 }));
  await fc.assert(
    fc.asyncProperty(script, range, async (shares, [offset, length]) => {
      await using pair = await socketPair();
      const got = received(pair.client);
      let told = 0;
      const bulk = new BulkSender(scripted(calls, shares));
      pair.server.write("head");
      const sent = await bulk.send(pair.server, { file, offset, length }, (some) => {
        told += some;
      });
      pair.server.end();
      assert.deepEqual(sent, { kind: "complete", bytes: length });
      assert.equal(told, length);
      assert.ok((await got).equals(Buffer.concat([Buffer.from("head"), bytes.subarray(offset, offset + length)])));
    }),
    { numRuns: 60, seed: 11 },
  );
  closeSync(file);
});

test("several answers have their turns beside each other", { skip }, async () => {
  assert.ok(calls);
  await using folder = await temporaryFolder();
  const file = openSync(await folder.put("file", testBytes(24 << 20)), "r");
  const bulk = new BulkSender(calls);
  await using slow = await socketPair();
  await using quick = await socketPair();
  const held = bulk.send(slow.server, { file, offset: 0, length: 24 << 20 }, () => {});
  const got = received(quick.client);
  const done = await bulk.send(quick.server, { file, offset: 5, length: 1000 }, () => {});
  quick.server.end();
  assert.equal(done.kind, "complete");
  assert.ok((await got).equals(testBytes(24 << 20).subarray(5, 1005)));
  slow.client.destroy();
  assert.equal((await held).kind, "client-gone");
  closeSync(file);
});

test("a file that becomes shorter is cut", { skip }, async () => {
  assert.ok(calls);
  await using folder = await temporaryFolder();
  const path = await folder.put("file", testBytes(1 << 20));
  const file = openSync(path, "r");
  await truncate(path, 1000);
  await using pair = await socketPair();
  pair.client.resume();
  const sent = await new BulkSender(calls).send(pair.server, { file, offset: 0, length: 1 << 20 }, () => {});
  assert.equal(sent.kind, "cut");
  assert.equal(sent.bytes, 1000);
  closeSync(file);
});
