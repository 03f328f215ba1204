/** Facts and messages for the tests of the peers' folder. */
import type { Ipv4 } from "../../../../src/base/address.ts";
import type { PeerMessage, TcpConnection, TftpSession } from "../../../../src/wire/peer-message.ts";

export const FLOATING = "192.168.77.1" as Ipv4;
export const KEY = Buffer.alloc(32, 7);

export function connectionOf(clientPort: number, address = FLOATING): TcpConnection {
  const client = { address: "192.168.77.101" as Ipv4, port: clientPort };
  return { server: { address, port: 80 }, client };
}

export function sessionOf(clientPort: number, more: Partial<TftpSession> = {}): TftpSession {
  return {
    server: { address: FLOATING, port: 69 },
    client: { address: "192.168.77.101" as Ipv4, port: clientPort },
    path: "/undionly.kpxe",
    mode: "octet",
    etag: '"0123456789abcdef"',
    size: 70_000,
    blockSize: 1432,
    windowSize: 1,
    acked: 0,
    pace: 0,
    ...more,
  };
}

export function messageOf(more: Partial<PeerMessage> = {}): PeerMessage {
  return { sender: "s1", epoch: 1000, sequence: 1, round: 0, sessions: [], connections: [], ...more };
}
