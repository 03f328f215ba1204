/** The version that a Linux kernel image says of itself. */

const HEADER_MAGIC = 0x202;
const VERSION_POINTER = 0x20e;
/** Bytes of the image's beginning that surely hold the version: the real-mode part is 32 KB at most. */
export const KERNEL_HEAD_BYTES = 65536;

/**
 * `6.1.0-50-amd64` of an x86 image (Linux, Documentation/arch/x86/boot.rst, fields `header` and `kernel_version`);
 * `undefined` for other images, which do not tell it uncompressed.
 */
export function kernelVersion(head: Uint8Array): string | undefined {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  if (bytes.length < VERSION_POINTER + 2 || bytes.toString("latin1", HEADER_MAGIC, HEADER_MAGIC + 4) !== "HdrS") {
    return undefined;
  }
  const pointer = bytes.readUInt16LE(VERSION_POINTER);
  if (pointer === 0) return undefined;
  const start = pointer + 0x200;
  return /^[\x21-\x7e]+/.exec(bytes.toString("latin1", start, start + 128))?.[0];
}
