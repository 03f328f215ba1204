/** What a Debian Installer finds in the initrd that it was started from: the answers and helpers that were added to it. */
import { gunzipSync } from "node:zlib";

/** Where this install gets its packages, and where it reports to. */
export interface InstallerFacts {
  /** Of the tree: `http://10.77.0.1/trees/noise`. */
  readonly mirror: string;
  readonly release: string;
  /** In the order in which they are tried: `http://10.77.0.1/report/<token>`. */
  readonly reports: readonly string[];
}

/** Throws when the answers are not there, or say less than an installer needs. */
export function installerFacts(initrd: Buffer): InstallerFacts {
  const files = addedFiles(initrd);
  const preseed = files.get("preseed.cfg") ?? "";
  const answer = (question: string) => new RegExp(`^d-i ${question} string (.+)$`, "m").exec(preseed)?.[1];
  const [host, folder, release] = ["mirror/http/hostname", "mirror/http/directory", "mirror/suite"].map(answer);
  const reports = files.get("everboot/report")?.match(/http:\/\/[^'"\s]+\/report\/[0-9a-f]+/g) ?? [];
  if (host === undefined || folder === undefined || release === undefined || reports.length === 0)
    throw new Error("the initrd has no answers for an installer");
  return { mirror: `http://${host}${folder}`, release, reports };
}

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b, 8]);
const CPIO_MAGIC = Buffer.from("070701");
const HEADER_BYTES = 110;

/** Text of the files of the last archive, which a kernel unpacks over all others. */
function addedFiles(initrd: Buffer): ReadonlyMap<string, string> {
  for (let at = initrd.lastIndexOf(GZIP_MAGIC); at > 0; at = initrd.lastIndexOf(GZIP_MAGIC, at - 1)) {
    const archive = unpacked(initrd.subarray(at));
    if (archive?.subarray(0, CPIO_MAGIC.length).equals(CPIO_MAGIC)) return cpioFiles(archive);
  }
  return new Map();
}

/** The three magic bytes are found in other data too. */
function unpacked(bytes: Buffer): Buffer | undefined {
  try {
    return gunzipSync(bytes);
  } catch {
    return undefined;
  }
}

/** Magic, then 13 numbers of eight hex digits; numbers 6 and 11 are the sizes of content and name (src/wire/cpio.ts). */
function cpioFiles(archive: Buffer): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  const number = (at: number, index: number) =>
    Number.parseInt(archive.toString("latin1", at + 6 + 8 * index, at + 14 + 8 * index), 16);
  for (let at = 0; at + HEADER_BYTES <= archive.length; ) {
    const nameEnd = at + HEADER_BYTES + number(at, 11);
    const name = archive.toString("utf8", at + HEADER_BYTES, nameEnd - 1);
    const content = aligned(nameEnd);
    const end = content + number(at, 6);
    if (name === "TRAILER!!!") break;
    files.set(name, archive.toString("utf8", content, end));
    at = aligned(end);
  }
  return files;
}

function aligned(offset: number): number {
  return offset + (-offset & 3);
}
