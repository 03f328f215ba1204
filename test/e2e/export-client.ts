/**
 * Run by export.test.ts inside a namespace: speaks DHCP as the clients given in its argument, one after the other, and
 * prints what each was answered as JSON.
 */
import { ANY_IPV4, ipv4ToBytes, parseIpv4, parseMac } from "../../src/base/address.ts";
import { udpOpener } from "../../src/net/udp.ts";
import { ipv4Option, type MessageType, OPTION } from "../../src/wire/dhcp-options.ts";
import { DHCP_PORTS, type DhcpPacket, decodeDhcp, encodeDhcp, withBroadcastFlag } from "../../src/wire/dhcp-packet.ts";
import { clientMessage } from "../support/dhcp-messages.ts";
import { ip } from "../support/dhcp-site.ts";

/** One client's conversation. */
export interface Talk {
  readonly mac: string;
  /** Options of its messages, as hexadecimal digits by code. */
  readonly options: Readonly<Record<number, string>>;
  /** `lease`: discover, request, release; `hold`: the same, and it keeps the address; `unheard`: it awaits no answer. */
  readonly kind: "lease" | "hold" | "unheard";
  /** The address that an unheard client asks for. */
  readonly wish?: string;
}

/** Packets as hexadecimal digits. Absent: no answer. */
export interface Heard {
  readonly offer?: string;
  readonly ack?: string;
}

const DEADLINE_MS = 20_000;

const answers = new Map<number, DhcpPacket>();
const raw = new Map<number, string>();
let wake = (): void => undefined;

const socket = await (await udpOpener()).open({
  device: "e0",
  address: ip("192.168.77.9"),
  port: DHCP_PORTS.client,
  receive: (bytes) => {
    const packet = decodeDhcp(bytes);
    if (packet.op !== "reply") return;
    answers.set(packet.xid, packet);
    raw.set(packet.xid, Buffer.from(bytes).toString("hex"));
    wake();
  },
  failed: (error) => {
    throw error;
  },
});

let lastXid = 0x5eed0000;

async function send(
  type: MessageType,
  talk: Talk,
  more: ReadonlyArray<readonly [number, Uint8Array]>,
  ciaddr = ANY_IPV4,
) {
  const mac = parseMac(talk.mac);
  if (!mac) throw new Error(talk.mac);
  lastXid += 1;
  const message = clientMessage(type, mac, {}, { xid: lastXid, flags: withBroadcastFlag(0), ciaddr });
  const options = Object.entries(talk.options).map(
    ([code, value]) => [Number(code), Buffer.from(value, "hex")] as const,
  );
  const packet = { ...message, options: new Map([...message.options, ...options, ...more]) };
  await socket.send(encodeDhcp(packet), { address: ip("255.255.255.255"), port: DHCP_PORTS.server });
  return lastXid;
}

function answerTo(xid: number): Promise<DhcpPacket | undefined> {
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(undefined), DEADLINE_MS);
    wake = () => {
      const packet = answers.get(xid);
      if (!packet) return;
      clearTimeout(late);
      resolve(packet);
    };
    wake();
  });
}

async function converse(talk: Talk): Promise<() => Heard> {
  const discover = await send("discover", talk, []);
  if (talk.kind === "unheard") {
    const wish = parseIpv4(talk.wish ?? "");
    const request = wish && (await send("request", talk, [[OPTION["requested-address"], ipv4ToBytes(wish)]]));
    return () => heard(discover, request);
  }
  const offer = await answerTo(discover);
  if (!offer) return () => ({});
  const server = ipv4Option(offer.options, "server-id");
  const serverId = [OPTION["server-id"], ipv4ToBytes(server ?? ANY_IPV4)] as const;
  const request = await send("request", talk, [serverId, [OPTION["requested-address"], ipv4ToBytes(offer.yiaddr)]]);
  await answerTo(request);
  if (talk.kind === "lease") await send("release", { ...talk, options: {} }, [serverId], offer.yiaddr);
  return () => heard(discover, request);
}

/** Looked at when all have spoken: servers take messages in order, so a late answer is here by then. */
function heard(discover: number, request: number | undefined): Heard {
  const offer = raw.get(discover);
  const ack = request === undefined ? undefined : raw.get(request);
  return { ...(offer !== undefined && { offer }), ...(ack !== undefined && { ack }) };
}

const talks: readonly Talk[] = JSON.parse(process.argv[2] ?? "[]");
const results: Array<() => Heard> = [];
for (const talk of talks) results.push(await converse(talk));
process.stdout.write(`${JSON.stringify(results.map((result) => result()))}\n`);
await socket.close();
