import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { Connections } from "../../../../src/server/http/connections.ts";

/** The server's end of a loopback connection; both ends close with the test. */
async function serverEnd(t: { after(task: () => void): void }): Promise<Socket> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [socket] = (await accepted) as [Socket];
  t.after(() => {
    client.destroy();
    socket.destroy();
    server.close();
  });
  return socket;
}

test("answers are given one after the other, in the order of the requests", async (t) => {
  const connections = new Connections();
  const socket = await serverEnd(t);
  connections.add(socket);
  const steps: string[] = [];
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  for (const name of ["a", "b", "c"]) {
    connections.enqueue(socket, async () => {
      steps.push(`${name} begins`);
      await Promise.resolve();
      steps.push(`${name} ends`);
      if (name === "c") finish();
    });
  }
  assert.ok(connections.busy(socket));
  await done;
  assert.deepEqual(steps, ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});

test("a long line of requests is not read on, even if somebody resumes, until it is shorter", async (t) => {
  const connections = new Connections();
  const socket = await serverEnd(t);
  connections.add(socket);
  socket.resume();
  await once(socket, "resume");
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  for (let count = 0; count < 40; count += 1) connections.enqueue(socket, () => gate);
  assert.ok(socket.isPaused());
  socket.resume();
  await once(socket, "resume");
  assert.ok(socket.isPaused());
  open();
  await once(socket, "resume");
  assert.ok(!socket.isPaused());
});

test("nothing is answered to a client that has gone", async (t) => {
  const connections = new Connections();
  const socket = await serverEnd(t);
  connections.add(socket);
  const answered: string[] = [];
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  connections.enqueue(socket, async () => {
    answered.push("first");
    await gate;
  });
  connections.enqueue(socket, async () => void answered.push("second"));
  await Promise.resolve();
  socket.destroy();
  open();
  await once(socket, "close");
  assert.deepEqual(answered, ["first"]);
});
