/**
 * Writes cpio archives in the "newc" format, the one that the Linux kernel unpacks as an initramfs
 * (Documentation/driver-api/early-userspace/buffer-format.rst). Archives may follow each other in one initrd; a file
 * of a later one replaces that of an earlier one.
 */
import { ByteWriter, encodeText } from "../base/bytes.ts";

export interface CpioFile {
  /** Relative to the root of the file system, without a leading slash. */
  readonly path: string;
  /** Permission bits, e.g. 0o755. */
  readonly mode: number;
  readonly content: Uint8Array | string;
}

const REGULAR = 0o100000;
const DIRECTORY = 0o040000;
const TRAILER = "TRAILER!!!";

/**
 * The archive of `files`, in their order, each directory above them once. Same files, same bytes: no times, all of it
 * root's, inodes counted from 1.
 */
export function encodeCpio(files: readonly CpioFile[]): Uint8Array {
  const writer = new ByteWriter(4096);
  const directories = new Set<string>();
  let inode = 0;
  for (const file of files) {
    for (const directory of parents(file.path)) {
      if (directories.has(directory)) continue;
      directories.add(directory);
      inode += 1;
      putEntry(writer, { name: directory, inode, mode: DIRECTORY | 0o755, links: 2, content: new Uint8Array() });
    }
    const content = typeof file.content === "string" ? encodeText(file.content) : file.content;
    inode += 1;
    putEntry(writer, { name: file.path, inode, mode: REGULAR | file.mode, links: 1, content });
  }
  putEntry(writer, { name: TRAILER, inode: 0, mode: 0, links: 1, content: new Uint8Array() });
  return writer.finish();
}

interface Entry {
  readonly name: string;
  readonly inode: number;
  readonly mode: number;
  readonly links: number;
  readonly content: Uint8Array;
}

/** Magic, then 13 numbers of eight hex digits: ino, mode, uid, gid, nlink, mtime, filesize, four device numbers, namesize, check. */
function putEntry(writer: ByteWriter, entry: Entry): void {
  const name = encodeText(`${entry.name}\0`);
  const numbers = [entry.inode, entry.mode, 0, 0, entry.links, 0, entry.content.length, 0, 0, 0, 0, name.length, 0];
  writer.put(encodeText(`070701${numbers.map((number) => number.toString(16).padStart(8, "0")).join("")}`));
  writer.put(name);
  align(writer);
  writer.put(entry.content);
  align(writer);
}

/** Names and contents end at a multiple of four. */
function align(writer: ByteWriter): void {
  writer.zeros((4 - (writer.length % 4)) % 4);
}

/** `a/b/c` -> `a`, `a/b`. */
function parents(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}
