/** A serial line to another machine, by the npm package serialport, which is there only where a line is used. */
import type { Clock, Timer } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";
import { encodeFrame, FrameReader } from "./serial-frames.ts";

export interface SerialLine {
  /** Lost when the one before is still on its way: the line sets the pace, and old news would only delay new. */
  send(packet: Uint8Array): void;
  close(): void;
}

export interface SerialEvents {
  /** A packet, or what noise has made of one. */
  frame(packet: Uint8Array): void;
  /** The line cannot be used now; it is tried again. Told once for each time that it is lost. */
  trouble(reason: string): void;
}

/** A plain UART's highest speed: some 11 packets of 100 bytes in 100 ms. */
const BAUD = 115_200;
const LONGEST_PACKET = 1024;
const RETRY_MS = 5000;

type SerialPackage = typeof import("serialport");
type Port = InstanceType<SerialPackage["SerialPort"]>;

/**
 * Resolves also when the device cannot be opened: an adapter may be plugged in later. Rejects with EverbootError
 * `serial-package-missing` when the package is not installed or has no build for this machine.
 */
export async function openSerialLine(path: string, clock: Clock, events: SerialEvents): Promise<SerialLine> {
  const line = new Line(path, clock, events, await loadPackage(path));
  line.open();
  return line;
}

async function loadPackage(device: string): Promise<SerialPackage> {
  try {
    return await import("serialport");
  } catch (error) {
    throw new EverbootError("serial-package-missing", { device }, error);
  }
}

class Line implements SerialLine {
  private readonly path: string;
  private readonly clock: Clock;
  private readonly events: SerialEvents;
  private readonly library: SerialPackage;
  private port: Port | undefined;
  private retry: Timer | undefined;
  private sending: boolean = false;
  private lastTrouble = "";

  constructor(path: string, clock: Clock, events: SerialEvents, library: SerialPackage) {
    this.path = path;
    this.clock = clock;
    this.events = events;
    this.library = library;
  }

  open(): void {
    const port = new this.library.SerialPort({ path: this.path, baudRate: BAUD, autoOpen: false });
    const reader = new FrameReader(LONGEST_PACKET, (packet) => this.events.frame(packet));
    this.port = port;
    this.sending = false;
    port.on("data", (bytes: Uint8Array) => reader.read(bytes));
    port.on("error", (error) => this.lost(port, error.message));
    port.on("close", () => this.lost(port, "the line was lost"));
    port.open((error) => {
      if (error) this.lost(port, error.message);
      else this.lastTrouble = "";
    });
  }

  send(packet: Uint8Array): void {
    const { port } = this;
    if (!port?.isOpen || this.sending) return;
    this.sending = true;
    port.write(encodeFrame(packet));
    port.drain(() => {
      if (this.port === port) this.sending = false;
    });
  }

  close(): void {
    this.retry?.cancel();
    const { port } = this;
    this.port = undefined;
    if (port?.isOpen) port.close(() => undefined);
  }

  /** Called more than once for one loss: only the port in use counts. */
  private lost(port: Port, reason: string): void {
    if (this.port !== port) return;
    this.close();
    if (reason !== this.lastTrouble) this.events.trouble(`serial line ${this.path}: ${reason}`);
    this.lastTrouble = reason;
    this.retry = this.clock.after(RETRY_MS, () => this.open());
  }
}
