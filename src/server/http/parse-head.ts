/** The head of a plain request for a file, read fast and strictly. Whatever is not plain is node:http's to judge. Pure. */

export interface PlainHead {
  readonly kind: "plain";
  readonly method: "GET" | "HEAD";
  /** As it came: printable ASCII. */
  readonly target: string;
  /** Names in lower case; each came once. */
  readonly headers: Readonly<Record<string, string>>;
  /** Does the connection go on after it? */
  readonly keepAlive: boolean;
  /** How many bytes it took. */
  readonly length: number;
}

export type HeadReading =
  | PlainHead
  /** Its end is not there yet. */
  | { readonly kind: "incomplete" }
  /** Another method or version, a body, an odd character, a name twice, or no request at all. */
  | { readonly kind: "unusual" };

/** Those of installers have some 200 bytes. */
const LONGEST = 4096;
const MOST_HEADERS = 32;

const INCOMPLETE: HeadReading = { kind: "incomplete" };
const UNUSUAL: HeadReading = { kind: "unusual" };

const REQUEST_LINE = /^(GET|HEAD) (\/[!-~]*) HTTP\/1\.1$/;
/** A token, a colon, optional blanks, and a value that neither begins nor ends with one (RFC 9112 section 5). */
const HEADER = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*((?:[!-~](?:[\t -~]*[!-~])?)?)[ \t]*$/;

/** What changes how a message is framed or who it is meant for. */
const NOT_PLAIN = new Set([
  ...["content-length", "transfer-encoding", "expect", "upgrade", "te", "trailer"],
  ...["proxy-connection", "http2-settings"],
]);

/** `bytes` begin with a request, and may go on with more. */
export function parseHead(bytes: Buffer): HeadReading {
  const end = bytes.indexOf("\r\n\r\n", 0, "latin1");
  if (end < 0) return bytes.length > LONGEST ? UNUSUAL : INCOMPLETE;
  if (end > LONGEST) return UNUSUAL;
  const text = bytes.toString("latin1", 0, end);
  const line = text.indexOf("\r\n");
  const [, method, target = ""] = REQUEST_LINE.exec(line < 0 ? text : text.slice(0, line)) ?? [];
  const fields = method === undefined || line < 0 ? undefined : readFields(text.slice(line + 2));
  if (!fields) return UNUSUAL;
  return { kind: "plain", method: method === "HEAD" ? "HEAD" : "GET", target, ...fields, length: end + 4 };
}

type Fields = Pick<PlainHead, "headers" | "keepAlive">;

/** A client sends the same ones with each request, and so do all of its kind. */
const lately = new Map<string, Fields>();
const MOST_LATELY = 256;

/** Undefined when they are not plain. */
function readFields(text: string): Fields | undefined {
  const known = lately.get(text);
  if (known) return known;
  const headers = parseHeaders(text.split("\r\n"));
  const keepAlive = keepsAlive(headers?.connection);
  if (headers?.host === undefined || keepAlive === undefined) return undefined;
  if (lately.size >= MOST_LATELY) lately.clear();
  const fields = { headers: Object.freeze(headers), keepAlive };
  lately.set(text, fields);
  return fields;
}

function parseHeaders(lines: readonly string[]): Record<string, string> | undefined {
  if (lines.length > MOST_HEADERS) return undefined;
  const headers: Record<string, string> = Object.create(null);
  for (const line of lines) {
    const [, name, value = ""] = HEADER.exec(line) ?? [];
    const key = name?.toLowerCase();
    if (key === undefined || NOT_PLAIN.has(key) || headers[key] !== undefined) return undefined;
    headers[key] = value;
  }
  return headers;
}

/** Undefined when it says something else. */
function keepsAlive(connection: string | undefined): boolean | undefined {
  const said = connection?.toLowerCase();
  if (said === undefined || said === "keep-alive") return true;
  return said === "close" ? false : undefined;
}
