/** From a request target (RFC 9112 section 3.2) to the path that a FileResolver and the routes understand. */

export type Target =
  /** `path` as FileResolver wants it: absolute, decoded, no empty, `.` or `..` part. `query` without its `?`. */
  | { readonly kind: "path"; readonly path: string; readonly query: string }
  /** Nothing can be meant by it: 400. */
  | { readonly kind: "malformed" }
  /** It climbs out of a folder: 403. */
  | { readonly kind: "refused" };

/** The longest path in Debian's archive has some 200 characters. */
const LONGEST_TARGET = 2048;
/** Nothing in it means anything but itself, and no part is empty or begins with a dot. */
const PLAIN = /^(?:\/[\w+~@=,:-][\w.+~@=,:-]*)+$/;
const MALFORMED: Target = { kind: "malformed" };
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * `target` as it came, one character for each byte. It is decoded exactly once: apt writes `+` and `~` as `%2b` and
 * `%7e`, wget writes them as they are, and a `+` is a plus sign (it means a space in HTML forms only). What decoding
 * brings to light (`%2e%2e`, `%2f`, `%00`) is judged like what was written openly.
 */
export function parseTarget(target: string): Target {
  if (target.length > LONGEST_TARGET) return MALFORMED;
  if (PLAIN.test(target)) return { kind: "path", path: target, query: "" };
  const local = target.replace(/^https?:\/\/[^/?]*/i, "");
  const mark = local.indexOf("?");
  const decoded = decodePercent((mark < 0 ? local : local.slice(0, mark)) || "/");
  if (!decoded?.startsWith("/") || hasOddCharacter(decoded)) return MALFORMED;
  const parts = decoded.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) return { kind: "refused" };
  return { kind: "path", path: `/${parts.join("/")}`, query: mark < 0 ? "" : local.slice(mark + 1) };
}

/** Undefined when an escape is broken or the bytes are not UTF-8. */
function decodePercent(text: string): string | undefined {
  if (/%(?![0-9a-f]{2})/i.test(text)) return undefined;
  const octets = text.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  try {
    return UTF8.decode(Buffer.from(octets, "latin1"));
  } catch {
    return undefined;
  }
}

/** Control characters would forge log lines and end C strings; a backslash parts folders for some programs. */
function hasOddCharacter(path: string): boolean {
  return Array.from(path).some((character) => character < " " || character === "\x7f" || character === "\\");
}
