/** Debian's vsftpd beside our own server, to compare with. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { UNPACKED_FOLDER } from "../../lab/unpacked.ts";

const PROGRAMS = ["/usr/sbin/vsftpd", join(UNPACKED_FOLDER, "vsftpd/usr/sbin/vsftpd")];
const LIBRARIES = join(UNPACKED_FOLDER, "libwrap0/usr/lib/x86_64-linux-gnu");

/** Reason why it cannot run here, or undefined. */
export function vsftpdObstacle(): string | undefined {
  if (process.getuid?.() !== 0) return "needs root: vsftpd locks itself into a folder";
  return PROGRAMS.some((program) => existsSync(program)) ? undefined : "needs vsftpd";
}

/** Serves `root` on 127.0.0.1; `work` is a folder for what it needs. */
export async function startVsftpd(work: string, root: string): Promise<AsyncDisposable & { readonly port: number }> {
  const port = await freePort();
  const jail = join(work, "jail");
  await mkdir(jail);
  for (const folder of [work, root]) await chmod(folder, 0o755);
  const settings = {
    ...{ listen: "YES", background: "NO", listen_address: "127.0.0.1", listen_port: port },
    ...{ anonymous_enable: "YES", local_enable: "NO", write_enable: "NO", xferlog_enable: "NO" },
    ...{ anon_root: root, ftp_username: "daemon", secure_chroot_dir: jail },
    // Its filter of system calls knows those of older libraries only.
    seccomp_sandbox: "NO",
  };
  const file = join(work, "vsftpd.conf");
  const text = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`);
  await writeFile(file, text.join(""));
  const program = PROGRAMS.find((each) => existsSync(each)) ?? "vsftpd";
  const child = spawn(program, [file], { env: { ...process.env, LD_LIBRARY_PATH: LIBRARIES }, stdio: "ignore" });
  const ended = once(child, "exit");
  await Promise.race([answers(port), ended.then(() => Promise.reject(new Error("vsftpd does not start")))]);
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  server.close();
  await once(server, "close");
  return bound === null || typeof bound === "string" ? 0 : bound.port;
}

/** Resolves with the first greeting. */
async function answers(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    const heard = await Promise.race([
      once(socket, "data").then(
        () => true,
        () => false,
      ),
      once(socket, "close").then(
        () => false,
        () => false,
      ),
    ]);
    socket.destroy();
    if (heard) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
