/** Code, length, value: the form of DHCP options and of what options 43 and 82 hold. */
import { ByteReader, type ByteWriter } from "../base/bytes.ts";

const PAD = 0;
const END = 255;
const LONGEST = 255;

/** `framed`: code 0 pads and code 255 ends (RFC 2132 section 2); `bare`: every code is one (RFC 3046 section 2.0). */
export type TlvStyle = "framed" | "bare";

/**
 * Adds the values in `bytes` to `into`. A code that comes again goes on where it left off (RFC 3396 section 7). A
 * missing end mark is forgiven, as dnsmasq and the Linux kernel forgive it; a value cut short is a DecodeError.
 */
export function readTlvs(bytes: Uint8Array, style: TlvStyle, into: Map<number, Uint8Array>): void {
  const reader = new ByteReader(bytes);
  while (reader.remaining > 0) {
    const code = reader.u8();
    if (style === "framed" && code === PAD) continue;
    if (style === "framed" && code === END) return;
    const part = reader.take(reader.u8());
    const before = into.get(code);
    into.set(code, before ? Uint8Array.from([...before, ...part]) : Uint8Array.from(part));
  }
}

/** A value longer than 255 bytes is split (RFC 3396 section 6). */
export function writeTlv(writer: ByteWriter, code: number, value: Uint8Array): void {
  let start = 0;
  do {
    const part = value.subarray(start, start + LONGEST);
    writer.u8(code);
    writer.u8(part.length);
    writer.put(part);
    start += LONGEST;
  } while (start < value.length);
}

/** Can a framed area hold this code? */
export function isOptionCode(code: number): boolean {
  return code > PAD && code < END;
}

export function writeEnd(writer: ByteWriter): void {
  writer.u8(END);
}
