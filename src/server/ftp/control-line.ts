/** Bytes of a control connection -> commands (RFC 959 section 4.1, RFC 2640 section 3.1). Pure. */

/** What a line of the client means. */
export type ControlLine =
  /** `verb` in capitals; `argument` without the space before it, empty when there is none. */
  | { readonly kind: "command"; readonly verb: string; readonly argument: string }
  /** Not UTF-8. */
  | { readonly kind: "malformed" }
  /** Longer than LONGEST_LINE; where it ends is not looked for. */
  | { readonly kind: "too-long" };

/** In bytes, its end left out. lpxelinux writes up to 4096. */
export const LONGEST_LINE = 4096;

const [LINE_FEED, CARRIAGE_RETURN] = [0x0a, 0x0d];
/** Of Telnet (RFC 854): clients send IAC IP IAC DM before ABOR; no UTF-8 text begins with one of these. */
const FIRST_TELNET_BYTE = 0xf0;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Puts lines together however TCP has cut them, and never keeps more than one line's bytes. */
export class LineReader {
  private rest: Buffer = Buffer.alloc(0);

  /** The lines that end in `bytes`. A bare LF ends a line as well. */
  push(bytes: Uint8Array): ControlLine[] {
    const lines: ControlLine[] = [];
    let text = Buffer.concat([this.rest, bytes]);
    for (let end = text.indexOf(LINE_FEED); end >= 0; end = text.indexOf(LINE_FEED)) {
      lines.push(parseLine(text.subarray(0, text[end - 1] === CARRIAGE_RETURN ? end - 1 : end)));
      text = text.subarray(end + 1);
    }
    const isTooLong = text.length > LONGEST_LINE;
    if (isTooLong) lines.push({ kind: "too-long" });
    this.rest = isTooLong ? Buffer.alloc(0) : text;
    return lines;
  }
}

function parseLine(line: Buffer): ControlLine {
  const start = line.findIndex((byte) => byte < FIRST_TELNET_BYTE);
  const text = start < 0 ? line.subarray(line.length) : line.subarray(start);
  if (text.length > LONGEST_LINE) return { kind: "too-long" };
  const decoded = decode(text);
  if (decoded === undefined) return { kind: "malformed" };
  const [, verb = "", argument = ""] = /^(\S*)(?: (.*))?$/s.exec(decoded) ?? [];
  return { kind: "command", verb: verb.toUpperCase(), argument };
}

function decode(text: Buffer): string | undefined {
  try {
    return UTF8.decode(text);
  } catch {
    return undefined;
  }
}
