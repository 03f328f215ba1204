/** Cutting a TCP stream into DNS messages: two bytes of length, then the message (RFC 1035 section 4.2.2). */

const LENGTH_BYTES = 2;

export class DnsFrames {
  /** At most one message that is not whole yet. */
  private pending: Buffer = Buffer.alloc(0);

  /** The messages that are complete now. */
  push(chunk: Uint8Array): Uint8Array[] {
    this.pending = this.pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.pending, chunk]);
    const messages: Uint8Array[] = [];
    for (let message = this.next(); message !== undefined; message = this.next()) messages.push(message);
    return messages;
  }

  private next(): Uint8Array | undefined {
    if (this.pending.length < LENGTH_BYTES) return undefined;
    const end = LENGTH_BYTES + this.pending.readUInt16BE(0);
    if (this.pending.length < end) return undefined;
    const message = this.pending.subarray(LENGTH_BYTES, end);
    this.pending = this.pending.subarray(end);
    return message;
  }
}

export function frameDns(message: Uint8Array): Uint8Array {
  const framed = Buffer.alloc(LENGTH_BYTES + message.length);
  framed.writeUInt16BE(message.length, 0);
  framed.set(message, LENGTH_BYTES);
  return framed;
}
