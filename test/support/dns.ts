/** Questions to DNS servers on the loopback interface, and name servers that answer as a test tells them to. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { type Answer, type DecodedPacket, decode, encode, type Packet, RECURSION_DESIRED } from "dns-packet";
import { type Ipv4, parseIpv4 } from "../../src/base/address.ts";
import { EverbootError, errnoOf } from "../../src/base/errors.ts";
import { silentLog } from "../../src/base/log.ts";
import type { DnsSite } from "../../src/server/dns/judge.ts";
import { createDnsServer, type DnsOptions, type DnsServer } from "../../src/server/dns/server.ts";

export const LOOPBACK = parseLoopback("127.0.0.1");

function parseLoopback(text: string): Ipv4 {
  const address = parseIpv4(text);
  if (address === undefined) throw new Error(text);
  return address;
}

export type QuestionType = NonNullable<Packet["questions"]>[number]["type"] | "ANY";

export interface AskOptions {
  readonly id?: number;
  /** Size that EDNS tells; absent = no EDNS. */
  readonly edns?: number;
  /** The address that is asked from. */
  readonly from?: string;
}

export function queryBytes(name: string, type: QuestionType, { id = 1, edns }: AskOptions = {}): Buffer {
  const question = { name, type, class: "IN" } as NonNullable<Packet["questions"]>[number];
  const opt = { type: "OPT", name: ".", udpPayloadSize: edns, flags: 0, options: [] } as unknown as Answer;
  return encode({
    ...{ type: "query", id, flags: RECURSION_DESIRED, questions: [question] },
    ...(edns !== undefined && { additionals: [opt] }),
  });
}

/** The reply to one datagram; the test's own timeout bounds the wait. */
export async function askUdp(port: number, message: Uint8Array, from = "127.0.0.1"): Promise<Buffer> {
  const socket = createSocket("udp4");
  try {
    socket.bind(0, from);
    await once(socket, "listening");
    const reply = once(socket, "message");
    socket.send(message, port, "127.0.0.1");
    const [bytes] = (await reply) as [Buffer];
    return bytes;
  } finally {
    socket.close();
  }
}

export async function ask(port: number, name: string, type: QuestionType, options: AskOptions = {}) {
  return read(await askUdp(port, queryBytes(name, type, options), options.from));
}

/** With its response code, which dns-packet's types leave out. */
export function read(bytes: Uint8Array): DecodedPacket & { readonly rcode: string } {
  return decode(Buffer.from(bytes)) as DecodedPacket & { rcode: string };
}

/** What the answers say, without types and TTLs. */
export function dataOf({ answers = [] }: Packet): unknown[] {
  return answers.map((answer) => ("data" in answer ? answer.data : undefined));
}

export function framed(message: Uint8Array): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/** Sends messages at once on one connection, closes its side, and gives the replies in the order in which they came. */
export async function askTcp(port: number, messages: readonly Uint8Array[]): Promise<Buffer[]> {
  const socket = connect(port, "127.0.0.1");
  socket.end(Buffer.concat(messages.map(framed)));
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  return unframed(Buffer.concat(chunks));
}

function unframed(bytes: Buffer): Buffer[] {
  if (bytes.length < 2) return [];
  const end = 2 + bytes.readUInt16BE(0);
  return [bytes.subarray(2, end), ...unframed(bytes.subarray(end))];
}

export function startDns(site: DnsSite, more: Partial<DnsOptions> = {}): Promise<DnsServer> {
  return tried(async () => {
    const server = createDnsServer({
      ...{ address: LOOPBACK, port: 0, site: () => site, installAddresses: () => [], log: silentLog },
      ...more,
    });
    await server.start();
    return server;
  });
}

/** The port that is free for UDP may be taken for TCP: then another one is tried. */
async function tried<T>(start: () => Promise<T>, tries = 5): Promise<T> {
  try {
    return await start();
  } catch (error) {
    const isTaken = error instanceof EverbootError ? error.code === "port-in-use" : errnoOf(error) === "EADDRINUSE";
    if (tries > 1 && isTaken) return tried(start, tries - 1);
    throw error;
  }
}

export interface FakeNameServer {
  readonly peer: { readonly address: string; readonly port: number };
  /** How often it was asked. */
  readonly asked: { udp: number; tcp: number };
  close(): Promise<void>;
}

type Reply = (query: DecodedPacket, transport: "udp" | "tcp") => Buffer | undefined;

/** Answers with what `reply` makes of a question; `undefined` = silence. */
export function startNameServer(reply: Reply): Promise<FakeNameServer> {
  return tried(() => openNameServer(reply));
}

async function openNameServer(reply: Reply): Promise<FakeNameServer> {
  const asked = { udp: 0, tcp: 0 };
  const datagrams = createSocket("udp4");
  datagrams.bind(0, "127.0.0.1");
  await once(datagrams, "listening");
  datagrams.on("message", (bytes, from) => {
    asked.udp += 1;
    const answer = reply(decode(bytes), "udp");
    if (answer) datagrams.send(answer, from.port, from.address);
  });
  const { port } = datagrams.address();
  const open = new Set<Socket>();
  const streams = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      asked.tcp += 1;
      const answer = reply(decode(bytes.subarray(2)), "tcp");
      if (answer) socket.write(framed(answer));
    });
  }).listen(port, "127.0.0.1");
  await once(streams, "listening").catch((error: unknown) => {
    datagrams.close();
    throw error;
  });
  return {
    ...{ peer: { address: "127.0.0.1", port }, asked },
    close: async () => {
      for (const socket of open) socket.destroy();
      await Promise.all([
        new Promise<void>((resolve) => datagrams.close(() => resolve())),
        new Promise((resolve) => streams.close(resolve)),
      ]);
    },
  };
}

/** An answer to `query` as a name server would give it. `rcode` by number. */
export function answerBytes(query: DecodedPacket, parts: Partial<Packet> & { readonly rcode?: number }): Buffer {
  const { rcode = 0, flags = 0, ...sections } = parts;
  const questions = query.questions ?? [];
  return encode({ ...sections, type: "response", id: query.id ?? 0, flags: flags | rcode, questions });
}
