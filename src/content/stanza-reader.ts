/** Reading an index file of a Debian repository piece by piece. Pure. Source: deb822(5). */

const NEWLINE = 10;

/**
 * 60,000 packages (50 MB) neither stop the event loop nor fill the memory: it works on bytes and makes text of the
 * wanted lines only. Of a field that goes on in further lines, the first line counts.
 */
export class StanzaReader<Name extends string> {
  private readonly wanted: readonly Name[];
  private readonly firstBytes: ReadonlySet<number>;
  private readonly onStanza: (fields: ReadonlyMap<Name, string>) => void;
  private readonly stanza = new Map<Name, string>();
  private rest: Buffer = Buffer.alloc(0);

  /** `wanted`: names of fields, as the file spells them. The map given to `onStanza` is used again for the next one. */
  constructor(wanted: readonly Name[], onStanza: (fields: ReadonlyMap<Name, string>) => void) {
    this.wanted = wanted;
    this.firstBytes = new Set(wanted.map((name) => name.charCodeAt(0)));
    this.onStanza = onStanza;
  }

  push(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const data = this.rest.length === 0 ? bytes : Buffer.concat([this.rest, bytes]);
    let start = 0;
    for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, start)) {
      this.line(data, start, end);
      start = end + 1;
    }
    this.rest = Buffer.from(data.subarray(start));
  }

  /** The last stanza needs no newline. */
  finish(): void {
    this.line(this.rest, 0, this.rest.length);
    this.endStanza();
    this.rest = Buffer.alloc(0);
  }

  private line(data: Buffer, start: number, end: number): void {
    if (start === end) {
      this.endStanza();
      return;
    }
    if (!this.firstBytes.has(data[start] ?? 0)) return;
    const colon = data.indexOf(":", start);
    if (colon < 0 || colon >= end) return;
    const found = data.toString("latin1", start, colon);
    const name = this.wanted.find((wanted) => wanted === found);
    if (name !== undefined) this.stanza.set(name, data.toString("utf8", colon + 1, end).trim());
  }

  private endStanza(): void {
    if (this.stanza.size > 0) this.onStanza(this.stanza);
    this.stanza.clear();
  }
}
