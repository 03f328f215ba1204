/** Cutting a TCP stream into syslog messages: by their length or by line ends, each message as it comes (RFC 6587). */

/** As much as a UDP datagram can hold; rsyslog's own limit is 8 KiB. */
const MAX_MESSAGE = 64 * 1024;

/**
 * `123 ` before the message (section 3.4.1); without it a line end is after the message (section 3.4.2). A message that
 * is counted begins with its priority, so that a line which begins with a number is not taken for one.
 */
const COUNT = /^([1-9]\d{0,5}) </;
const MAYBE_COUNT = /^(?:[1-9]\d{0,5} ?)?$/;
const LONGEST_COUNT = 8;
const LF = 10;

export class SyslogFrames {
  /** At most one message of the longest kind, and what came with it. */
  private pending: Buffer = Buffer.alloc(0);

  /** The messages that are complete now; `undefined` = one is too long, and the stream cannot be followed any more. */
  push(chunk: Uint8Array): string[] | undefined {
    this.pending = Buffer.concat([this.pending, chunk]);
    const messages: string[] = [];
    for (let message = this.next(); message !== undefined; message = this.next()) {
      if (message !== "") messages.push(message);
    }
    return this.pending.length > MAX_MESSAGE ? undefined : messages;
  }

  /** What is left when the stream ends: a last line without a line end. */
  end(): string[] {
    const rest = this.take(this.pending.length, 0);
    return rest === "" ? [] : [rest];
  }

  private next(): string | undefined {
    const head = this.pending.toString("latin1", 0, LONGEST_COUNT);
    const counted = COUNT.exec(head);
    if (counted !== null) return this.counted(counted[0].length - 1, Number(counted[1]));
    if (MAYBE_COUNT.test(head)) return undefined;
    const end = this.pending.indexOf(LF);
    return end < 0 ? undefined : this.take(end, 1);
  }

  private counted(start: number, length: number): string | undefined {
    if (this.pending.length < start + length) return undefined;
    this.take(start, 0);
    return this.take(length, 0);
  }

  /** Takes `length` bytes out, and `skip` more. */
  private take(length: number, skip: number): string {
    const text = this.pending.toString("utf8", 0, length);
    this.pending = this.pending.subarray(length + skip);
    return text;
  }
}
