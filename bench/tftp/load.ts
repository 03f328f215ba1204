/**
 * The clients that are switched on together, in a process of their own: `node load.ts JSON`, JSON as of LoadOptions. Each
 * fetches the same file once. Prints a LoadReport as JSON.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { decodeTftp, encodeTftp } from "../../src/wire/tftp-packet.ts";
import { random } from "../../test/support/lossy-udp.ts";
import { type Heard, openSockets, type Sockets } from "./sockets.ts";
import { type Download, isNext, newDownload, takeData } from "./transfer.ts";

export interface LoadOptions {
  readonly address: string;
  readonly port: number;
  readonly path: string;
  /** Bytes of the file. */
  readonly size: number;
  readonly clients: number;
  readonly blockSize: number;
  readonly windowSize: number;
  /** Share of the DATA packets and of the acknowledgements that are dropped, 0 to 1. */
  readonly loss: number;
  /** It ends after so long, whatever has arrived. */
  readonly seconds: number;
  /** A copy of the file: every byte is compared. */
  readonly compare?: string;
}

export interface LoadReport {
  readonly bytes: number;
  readonly seconds: number;
  /** Clients that have the whole file. */
  readonly complete: number;
  /** How long each took for the whole file, in seconds; reckoned from what it has where that is a part. */
  readonly times: readonly number[];
  /** Packets that were sent again for silence. */
  readonly repeated: number;
  readonly acknowledgements: number;
  /** Blocks with other bytes than the copy's. */
  readonly wrong: number;
  /** Processor time of the load, in seconds. */
  readonly cpu: number;
}

const OPCODE = { data: 3, ack: 4, error: 5, oack: 6 } as const;
/** A client repeats what it said last after so much silence. */
const PATIENCE_MS = 1000;
const CHECK_MS = 50;
/** Bytes that are copied of a DATA packet when nothing is compared: the header, or an option acknowledgement. */
const HEADER_ROOM = 128;

class Client {
  readonly download: Download = newDownload();
  connected: boolean = false;
  /** By performance.now(). */
  heardAt = 0;
  tookSeconds = 0;
}

class Load {
  private readonly options: LoadOptions;
  private readonly sockets: Sockets;
  private readonly copy: Buffer | undefined;
  private readonly clients: Client[] = [];
  private readonly ackBytes = Buffer.from([0, OPCODE.ack, 0, 0]);
  private readonly started: number = performance.now();
  private readonly totals = { repeated: 0, acknowledgements: 0, wrong: 0 };
  /** The same packets are lost in every run. */
  private readonly chance = random(1);
  private left: number;

  constructor(options: LoadOptions, sockets: Sockets) {
    this.options = options;
    this.sockets = sockets;
    this.copy = options.compare === undefined ? undefined : readFileSync(options.compare);
    this.left = options.clients;
  }

  run(): LoadReport {
    for (let count = 0; count < this.options.clients; count++) {
      this.clients.push(new Client());
      this.request(this.sockets.open());
    }
    const end = this.started + this.options.seconds * 1000;
    let checked = this.started;
    for (let now = checked; this.left > 0 && now < end; now = performance.now()) {
      this.sockets.wait(CHECK_MS, (heard) => this.receive(heard));
      if (now - checked < CHECK_MS) continue;
      checked = now;
      this.repeat(now);
    }
    return this.report();
  }

  private request(owner: number): void {
    const { address, port, path, blockSize, windowSize } = this.options;
    const options = [{ name: "tsize", value: "0" }];
    if (blockSize !== 512) options.push({ name: "blksize", value: String(blockSize) });
    if (windowSize > 1) options.push({ name: "windowsize", value: String(windowSize) });
    this.sockets.sendTo(owner, encodeTftp({ kind: "read", path, mode: "octet", options }), address, port);
    const client = this.clients[owner];
    if (client) client.heardAt = performance.now();
  }

  private receive(heard: Heard): void {
    const client = this.clients[heard.owner];
    if (client === undefined || client.download.done) return;
    if (!client.connected) {
      client.connected = true;
      this.sockets.connect(heard.owner, this.options.address, heard.port(0));
    }
    client.heardAt = performance.now();
    for (let index = 0; index < heard.count && !client.download.done; index++) {
      this.packet(client, heard.owner, heard.bytes(index), heard.length(index));
    }
  }

  private packet(client: Client, owner: number, bytes: Uint8Array, length: number): void {
    if (bytes[1] === OPCODE.data) {
      if (this.isLost()) return;
      const block = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
      if (this.copy) this.compare(client.download, block, bytes.subarray(4, length));
      if (takeData(client.download, block, length - 4)) this.acknowledge(client, owner);
    } else if (bytes[1] === OPCODE.oack) this.agree(client, owner, bytes.subarray(0, length));
    else if (bytes[1] === OPCODE.error) throw new Error(`TFTP error: ${Buffer.from(bytes.subarray(4, length))}`);
  }

  private agree({ download }: Client, owner: number, bytes: Uint8Array): void {
    const packet = decodeTftp(bytes);
    if (packet.kind !== "oack" || download.bytes > 0) return;
    for (const { name, value } of packet.options) {
      if (name.toLowerCase() === "blksize") download.blockSize = Number(value);
      if (name.toLowerCase() === "windowsize") download.windowSize = Number(value);
    }
    this.say(owner, 0);
  }

  private compare(download: Download, block: number, data: Uint8Array): void {
    if (!isNext(download, block)) return;
    const start = (download.expected - 1) * download.blockSize;
    if (!this.copy?.subarray(start, start + data.length).equals(data)) this.totals.wrong += 1;
  }

  private acknowledge(client: Client, owner: number): void {
    const { download } = client;
    if (download.done) {
      this.left -= 1;
      client.tookSeconds = (performance.now() - this.started) / 1000;
      // The end is told whatever the loss: no client repeats it, and servers would wait for it in vain.
      this.say(owner, download.expected - 1);
    } else if (!this.isLost()) this.say(owner, download.expected - 1);
  }

  private say(owner: number, block: number): void {
    this.totals.acknowledgements += 1;
    this.ackBytes.writeUInt16BE(block & 0xffff, 2);
    this.sockets.send(owner, this.ackBytes);
  }

  private repeat(now: number): void {
    for (const [owner, client] of this.clients.entries()) {
      if (client.download.done || now - client.heardAt < PATIENCE_MS) continue;
      client.heardAt = now;
      this.totals.repeated += 1;
      if (client.connected) this.say(owner, client.download.expected - 1);
      else this.request(owner);
    }
  }

  private isLost(): boolean {
    return this.options.loss > 0 && this.chance() < this.options.loss;
  }

  private report(): LoadReport {
    const seconds = (performance.now() - this.started) / 1000;
    const bytes = this.clients.reduce((sum, { download }) => sum + download.bytes, 0);
    const complete = this.clients.filter(({ download }) => download.done).length;
    const times = this.clients.map(({ download, tookSeconds }) =>
      download.done ? tookSeconds : (seconds * this.options.size) / Math.max(download.bytes, 1),
    );
    const { user, system } = process.cpuUsage();
    return { bytes, seconds, complete, times, ...this.totals, cpu: (user + system) / 1e6 };
  }
}

const options = JSON.parse(process.argv[2] ?? "{}") as LoadOptions;
const sockets = await openSockets(options.compare === undefined ? HEADER_ROOM : options.blockSize + 4);
process.stdout.write(`${JSON.stringify(new Load(options, sockets).run())}\n`);
sockets.close();
