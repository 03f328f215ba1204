/** BIND's `named` with the files of `everboot export bind`, as Debian has it but for where its files are. */
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { EverbootError } from "../../src/base/errors.ts";
import { bind } from "../../src/export/bind.ts";
import { findProgram } from "../../src/net/programs.ts";
import { queries } from "./questions.ts";
import { benchSite } from "./site.ts";
import type { Subject } from "./subject.ts";

const READY_WITHIN_MS = 20_000;

/** Rejects with `tool-missing`, or `lab-broken` when it does not answer. */
export async function startBind(): Promise<Subject> {
  const program = findProgram("named", process.env.PATH ?? "", { purpose: "comparing with BIND", package: "bind9" });
  const folder = await mkdtemp(join(tmpdir(), "everboot-bench-bind-"));
  const port = await freePort();
  const site = benchSite();
  const [server] = site.servers.values();
  for (const file of server ? bind.render(site, server) : []) {
    if (file.kind === "text") await writeFile(join(folder, file.path), file.text.replaceAll("/etc/bind", folder));
  }
  await writeFile(join(folder, "named.conf"), namedConf(folder, port));
  const args = ["-4", "-f", "-c", join(folder, "named.conf"), "-L", join(folder, "named.log")];
  const child = spawn(program, args, { stdio: "ignore" });
  const ended = once(child, "exit");
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
    return {};
  };
  if (await answers(port)) return { port, pid: child.pid ?? 0, stop };
  await stop();
  throw new EverbootError("lab-broken", { reason: "named does not answer" });
}

/** The site's zones and no others; the rest as it is by default. */
function namedConf(folder: string, port: number): string {
  return `options {
  directory "${folder}";
  pid-file none;
  session-keyfile none;
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  recursion no;
  allow-query { any; };
};
controls { };
include "${folder}/named.conf.everboot";
`;
}

async function freePort(): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
}

async function answers(port: number): Promise<boolean> {
  const [question] = queries();
  const socket = createSocket("udp4");
  const heard = once(socket, "message");
  const end = performance.now() + READY_WITHIN_MS;
  let isHeard = false;
  void heard.then(() => {
    isHeard = true;
  });
  while (!isHeard && performance.now() < end) {
    if (question) socket.send(question, port, "127.0.0.1");
    await delay(100);
  }
  socket.close();
  return isHeard;
}
