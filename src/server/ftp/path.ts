/** From what a client calls a file to the path that a FileResolver understands. Pure. */

export type FtpPath =
  /** Absolute, no empty, `.` or `..` part. */
  | { readonly kind: "path"; readonly path: string }
  /** Nothing can be meant by it: 501. */
  | { readonly kind: "malformed" }
  /** It climbs above the root: 550. */
  | { readonly kind: "refused" };

/** The longest path in Debian's archive has some 200 characters. */
const LONGEST_PATH = 2048;

/**
 * `name` seen from the folder `folder`; the folder itself when it is empty. `..` goes up by names alone, as there are
 * no links in a path. Control characters would forge replies and log lines, a backslash parts folders for some programs.
 */
export function resolvePath(folder: string, name: string): FtpPath {
  const whole = name.startsWith("/") ? name : `${folder}/${name}`;
  if (whole.length > LONGEST_PATH || /[\p{Cc}\\]/u.test(whole)) return { kind: "malformed" };
  const parts: string[] = [];
  for (const part of whole.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return { kind: "refused" };
  }
  return { kind: "path", path: `/${parts.join("/")}` };
}
