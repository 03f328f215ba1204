/** What the clients of the matrix download: noise, long enough to be in the middle of. */
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Of each file: two seconds by a machine's NIC. A multiple of 4: the answers are appended to the initrd there. */
export const FILE_BYTES = 12_000_000;
/**
 * The fault comes before so much of a file is there: of the rest, the kernel of a dead server that still has its cable sends
 * what is in its socket buffer, up to 4 MB (net.ipv4.tcp_wmem), and no more.
 */
export const LATEST_SHARE = 0.4;
export const KERNEL = "linux";
export const INITRD = "initrd.gz";
export const PACKAGE = "pool/main/n/noise/noise_1.0_all.deb";
export const SMALL_FILE = "dists/bookworm/Release";

export async function makeContent(folder: string): Promise<void> {
  const write = async (path: string, bytes: number) => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), randomBytes(bytes));
  };
  for (const path of [KERNEL, INITRD, PACKAGE]) await write(path, FILE_BYTES);
  await write(SMALL_FILE, 1000);
}
