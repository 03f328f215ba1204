/** Packets on a serial line: SLIP (RFC 1055). What was damaged on the way comes out damaged: packets carry their own check. */

const END = 0xc0;
const ESC = 0xdb;
const ESC_END = 0xdc;
const ESC_ESC = 0xdd;

/** END in front as well: it ends the noise that may have come before (RFC 1055, section "Protocol"). */
export function encodeFrame(packet: Uint8Array): Uint8Array {
  const bytes = [END];
  for (const byte of packet) {
    if (byte === END) bytes.push(ESC, ESC_END);
    else if (byte === ESC) bytes.push(ESC, ESC_ESC);
    else bytes.push(byte);
  }
  return Uint8Array.from([...bytes, END]);
}

/** Takes a line's bytes apart again, however they are cut into pieces. */
export class FrameReader {
  private readonly longest: number;
  private readonly tell: (packet: Uint8Array) => void;
  private bytes: number[] = [];
  private escaped: boolean = false;

  /** `longest`: of a packet, in bytes; what is longer is noise. */
  constructor(longest: number, tell: (packet: Uint8Array) => void) {
    this.longest = longest;
    this.tell = tell;
  }

  read(piece: Uint8Array): void {
    for (const byte of piece) {
      if (byte === END) this.end();
      else if (byte === ESC) this.escaped = true;
      else this.take(byte);
    }
  }

  private take(byte: number): void {
    // One byte more than fits marks what is too long, until the next END.
    if (this.bytes.length <= this.longest) this.bytes.push(this.escaped ? unescaped(byte) : byte);
    this.escaped = false;
  }

  private end(): void {
    const { bytes } = this;
    this.bytes = [];
    this.escaped = false;
    if (bytes.length > 0 && bytes.length <= this.longest) this.tell(Uint8Array.from(bytes));
  }
}

/** Another byte after ESC is an error, and is taken as it is. */
function unescaped(byte: number): number {
  if (byte === ESC_END) return END;
  return byte === ESC_ESC ? ESC : byte;
}
