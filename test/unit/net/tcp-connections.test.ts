import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseProcTcp, servedConnections, watchAccepted } from "../../../src/net/tcp-connections.ts";
import type { TcpConnection } from "../../../src/wire/peer-message.ts";

/** Of Linux 6.1 on x86, cut to the columns that matter; made with ss(8) beside it. */
const PROC_TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 014DA8C0:0050 654DA8C0:9C40 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 20 4 30 10 -1
   2: 014DA8C0:0050 664DA8C0:9C41 04 00000000:00000000 01:00000019 00000000     0        0 0 1 0 20 4 30 10 -1
   3: 014DA8C0:0050 664DA8C0:9C42 06 00000000:00000000 03:00000019 00000000     0        0 0 3 0 20 4 30 10 -1
   4: 014DA8C0:0016 664DA8C0:9C43 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 20 4 30 10 -1
`;

function printed({ server, client }: TcpConnection): string {
  return `${server.address}:${server.port} ${client.address}:${client.port}`;
}

test("connections whose client may wait are found: established ones, and those not yet drained", () => {
  assert.deepEqual(parseProcTcp(PROC_TCP, "LE").map(printed), [
    "192.168.77.1:80 192.168.77.101:40000",
    "192.168.77.1:80 192.168.77.102:40001",
    "192.168.77.1:22 192.168.77.102:40003",
  ]);
});

test("a big-endian machine prints addresses the other way round", () => {
  const line = "   1: C0A84D01:0050 C0A84D65:9C40 01 0";
  assert.deepEqual(parseProcTcp(line, "BE").map(printed), ["192.168.77.1:80 192.168.77.101:40000"]);
});

/** Of nfs-ganesha 4.3, which listens for both families; ss(8): `[::ffff:192.168.77.1]:2049 [::ffff:192.168.77.101]:880`. */
const PROC_TCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:0801 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0000000000000000FFFF0000014DA8C0:0801 0000000000000000FFFF0000654DA8C0:0370 01 00000000:00000000 02:000A7B3E 00000000     0        0 2 2 0 20 4 30 10 -1
   2: B80D0120000000000000000001000000:0801 B80D0120000000000000000002000000:0371 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 20 4 30 10 -1
`;

test("sockets for both families show IPv4 clients by mapped addresses; clients of IPv6 are none", () => {
  assert.deepEqual(parseProcTcp(PROC_TCP6, "LE").map(printed), ["192.168.77.1:2049 192.168.77.101:880"]);
  const big = "1: 00000000000000000000FFFFC0A84D01:0801 00000000000000000000FFFFC0A84D65:0370 01 0";
  assert.deepEqual(parseProcTcp(big, "BE").map(printed), ["192.168.77.1:2049 192.168.77.101:880"]);
});

test("a connection to a socket for both families is listed", {
  skip: existsSync("/proc/net/tcp6") ? false : "needs a kernel with IPv6",
}, async () => {
  const server = createServer();
  server.listen(0, "::");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const opened = once(server, "connection");
  const client = connect({ port, host: "127.0.0.1", localAddress: "127.0.0.2" });
  await opened;
  const expected = `127.0.0.1:${port} 127.0.0.2:${client.localPort}`;
  const found = await servedConnections(new Set([port]));
  client.destroy();
  server.close();
  assert.deepEqual(found.map(printed), [expected]);
});

test("lines that make no sense are skipped", () => {
  assert.deepEqual(parseProcTcp("1: XYZ:0050 654DA8C0:9C40 01\n\n2: 0 1 01\n", "LE"), []);
});

test("only served ports count", async () => {
  const folder = await mkdtemp(join(tmpdir(), "everboot-proc-"));
  const path = join(folder, "tcp");
  await writeFile(path, PROC_TCP);
  const found = await servedConnections(new Set([22]), [path]);
  await rm(folder, { recursive: true });
  assert.deepEqual(found.map(printed), ["192.168.77.1:22 192.168.77.102:40003"]);
});

test("a connection is heard of when it is accepted, and the kernel lists it", async () => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const accepted: TcpConnection[] = [];
  const stop = watchAccepted(new Set([port]), (connection) => accepted.push(connection));
  const opened = once(server, "connection");
  const client = connect({ port, host: "127.0.0.1", localAddress: "127.0.0.2" });
  await opened;
  const expected = {
    server: { address: "127.0.0.1", port },
    client: { address: "127.0.0.2", port: client.localPort },
  };
  assert.deepEqual(accepted, [expected]);
  if (process.platform === "linux") assert.deepEqual(await servedConnections(new Set([port])), [expected]);
  stop();
  const again = once(server, "connection");
  const other = connect({ port, host: "127.0.0.1" });
  await again;
  assert.equal(accepted.length, 1);
  for (const socket of [client, other]) socket.destroy();
  server.close();
});
