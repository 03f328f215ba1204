/**
 * Run by takeover.test.ts inside a namespace: one install server with a floating address, which serves one file by HTTP
 * and TFTP and tells its peers. Standard output has a line of JSON for each thing that happens; the line `adopted` on
 * standard input says that the floating address has come here.
 */
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Ipv4 } from "../../src/base/address.ts";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { joinSegments } from "../../src/content/segments.ts";
import { openRawIpSender } from "../../src/net/raw-packet.ts";
import { servedConnections, watchAccepted } from "../../src/net/tcp-connections.ts";
import { createHttpServer } from "../../src/server/http/server.ts";
import { createPeersServer } from "../../src/server/peers/server.ts";
import { createTftpServer } from "../../src/server/tftp/server.ts";

export interface TakeoverOptions {
  readonly name: string;
  /** Of the one peer. */
  readonly peer: { readonly name: string; readonly address: Ipv4 };
  readonly floating: Ipv4;
  readonly file: { readonly path: string; readonly size: number };
  /** 64 hexadecimal digits. */
  readonly key: string;
  /** Whether what the peer told is made use of. */
  readonly helps: boolean;
}

export type TakeoverLine =
  | { readonly ready: true }
  | { readonly started: string; readonly protocol: string; readonly at: number }
  | { readonly counters: Readonly<Record<string, number>> };

const HTTP_PORT = 80;

function tell(line: TakeoverLine): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

async function serve(options: TakeoverOptions): Promise<void> {
  const { floating: address, file, helps } = options;
  const segment = { kind: "disk", path: file.path, offset: 0, length: file.size } as const;
  const served = joinSegments([segment], { modified: 0, contentType: "application/octet-stream", identity: "e2e" });
  const common = {
    address,
    resolve: async () => ({ kind: "file", file: served }) as const,
    observer: {
      started: ({ client, protocol }: { client: string; protocol: string }) =>
        tell({ started: client, protocol, at: Date.now() }),
      ended: () => {},
      request: () => {},
    },
    clock: systemClock,
    log: silentLog,
  };
  const raw = helps ? await openRawIpSender() : undefined;
  const peers = createPeersServer({
    name: options.name,
    address: "0.0.0.0" as Ipv4,
    peers: new Map([[options.peer.name, [options.peer.address]]]),
    key: Buffer.from(options.key, "hex"),
    epoch: Date.now(),
    sessions: () => tftp.sessions(),
    connections: () => servedConnections(new Set([HTTP_PORT])),
    ...(raw && { raw }),
    clock: systemClock,
    log: silentLog,
  });
  const http = createHttpServer({ ...common, port: HTTP_PORT, routes: [] });
  const tftp = createTftpServer({ ...common, ...(helps && { handover: peers.handover }) });
  watchAccepted(new Set([HTTP_PORT]), (connection) => peers.opened(connection));
  for (const server of [http, tftp, peers]) await server.start();
  tell({ ready: true });
  for await (const line of createInterface(process.stdin)) {
    if (line === "adopted") peers.adopted(address);
    else tell({ counters: { ...tftp.counters(), ...peers.counters() } });
  }
}

const text = process.argv[2];
if (import.meta.main && text !== undefined) await serve(JSON.parse(text));
