/** Server-sent events from text (HTML Living Standard, section 9.2.6 "Interpreting an event stream"). Pure. */

export interface StreamMessage {
  /** `message` when the stream names none. */
  readonly event: string;
  /** Its lines, joined by newlines. */
  readonly data: string;
  /** The newest id of the stream; "" = it has given none. To be sent as Last-Event-ID to go on from here. */
  readonly id: string;
}

export interface StreamParser {
  /** The messages that `chunk` completes. */
  push(chunk: string): StreamMessage[];
  /** Another stream, which goes on behind the newest id: the message that the one before broke off comes again. */
  restart(): void;
  /** The newest id, also of a block without data: it moves on without a message. */
  lastId(): string;
}

/** `lastId`: what the stream is resumed from. */
export function createStreamParser(lastId = ""): StreamParser {
  /** The line that the last chunk broke off. */
  let rest = "";
  /** The last chunk ended in CR: a LF that comes first now belongs to it. */
  let hasCr = false;
  let isFirst = true;
  let id = lastId;
  let pendingId = lastId;
  let event = "";
  let data: string[] = [];

  function takeField(line: string): void {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") event = value;
    if (name === "data") data.push(value);
    if (name === "id" && !value.includes("\0")) pendingId = value;
  }

  function endBlock(): StreamMessage[] {
    id = pendingId;
    const message = { event: event || "message", data: data.join("\n"), id };
    const isEmpty = data.length === 0;
    event = "";
    data = [];
    return isEmpty ? [] : [message];
  }

  return {
    push(chunk) {
      const text = isFirst ? chunk.replace(/^\ufeff/, "") : chunk.replace(hasCr ? /^\n/ : "", "");
      if (chunk === "") return [];
      isFirst = false;
      hasCr = chunk.endsWith("\r");
      const [first = "", ...more] = text.split(/\r\n|\n|\r/);
      const lines = [rest + first, ...more];
      rest = lines.pop() ?? "";
      return lines.flatMap((line) => {
        if (line === "") return endBlock();
        // A comment begins with a colon, which names no field: it keeps the connection alive.
        takeField(line);
        return [];
      });
    },
    restart() {
      pendingId = id;
      isFirst = true;
      hasCr = false;
      rest = event = "";
      data = [];
    },
    lastId: () => id,
  };
}
