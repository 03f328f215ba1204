/** The bytes that a transfer sends. */
import { SegmentReader } from "../../content/segments.ts";
import type { ServedFile } from "../../content/served-file.ts";
import { netasciiBody } from "./netascii.ts";

export interface Body {
  readonly size: number;
  /** `length` bytes from `offset`; shorter only at the end. Rejects when the disk fails or the file has changed. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

export const MODES = ["octet", "netascii"] as const;
export type Mode = (typeof MODES)[number];

/** Rejects when the file cannot be read. */
export async function openBody(file: ServedFile, mode: Mode): Promise<Body> {
  const reader = new SegmentReader(file);
  const octets: Body = {
    size: file.size,
    read: (offset, length) =>
      reader.read(offset, length).catch(async (error: unknown) => {
        await reader.close(); // so that the next try opens the file anew
        throw error;
      }),
    close: () => reader.close(),
  };
  if (mode === "octet") return octets;
  try {
    return await netasciiBody(octets);
  } catch (error) {
    await octets.close();
    throw error;
  }
}
