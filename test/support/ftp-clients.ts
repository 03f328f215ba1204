/** Foreign FTP clients, as an installer or an operator would call them. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { testBytes } from "./http-folder.ts";

const execute = promisify(execFile);

export interface FtpClient {
  readonly name: string;
  readonly program: string;
  /** What makes it fetch `url` to the file `part`, going on behind what that holds. */
  readonly words: (url: string, part: string) => readonly string[];
}

const curl = (name: string, ...options: string[]): FtpClient => ({
  ...{ name, program: "curl" },
  words: (url, part) => ["-sS", "-C", "-", ...options, "-o", part, url],
});
const lftp = (name: string, ...settings: string[]): FtpClient => ({
  ...{ name, program: "lftp" },
  words: (url, part) => ["-c", [...settings, `get -c "${url}" -o "${part}"`].join("; ")],
});

export const FTP_CLIENTS: readonly FtpClient[] = [
  curl("curl, EPSV"),
  curl("curl, PASV", "--disable-epsv"),
  curl("curl, EPRT", "--ftp-port", "-"),
  curl("curl, PORT", "--ftp-port", "-", "--disable-eprt"),
  curl("curl, whole path", "--ftp-method", "nocwd"),
  { name: "wget", program: "wget", words: (url, part) => ["-q", "-c", "-O", part, url] },
  {
    ...{ name: "wget, active", program: "wget" },
    words: (url, part) => ["-q", "-c", "--no-passive-ftp", "-O", part, url],
  },
  { name: "busybox wget", program: "busybox", words: (url, part) => ["wget", "-q", "-c", "-O", part, url] },
  lftp("lftp"),
  lftp("lftp, active", "set ftp:passive-mode no"),
  { name: "tnftp", program: "tnftp", words: (url, part) => ["-V", "-a", "-R", "-o", part, url] },
  { name: "tnftp, active", program: "tnftp", words: (url, part) => ["-V", "-a", "-A", "-R", "-o", part, url] },
];

export function lacking(...programs: string[]): string | false {
  const missing = programs.filter(
    (program) => !["/usr/bin", "/bin"].some((folder) => existsSync(join(folder, program))),
  );
  return missing.length > 0 && `needs ${missing.join(", ")}`;
}

/** Three between 1 and `size`, the same each time. */
export function someOffsets(size: number, seed: string): number[] {
  const random = testBytes(12, seed);
  return [0, 4, 8].map((place) => 1 + (random.readUInt32BE(place) % (size - 1)));
}

/** Rejects when the client is not content. `home` keeps it from what this user has set for it. */
export async function runClient(program: string, words: readonly string[], home: string): Promise<string> {
  const options = { timeout: 120_000, cwd: home, env: { ...process.env, HOME: home, LC_ALL: "C.UTF-8" } };
  return (await execute(program, words, options)).stdout;
}
