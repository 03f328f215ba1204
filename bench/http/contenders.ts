/** What serves the files: this project's daemon, on both of its paths, and the programs that it is compared with. */
import { type ChildProcess, execFileSync, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { EVERBOOT } from "../../lab/daemon-process.ts";
import { UNPACKED_FOLDER, unpackPackages } from "../../lab/unpacked.ts";
import { EverbootError } from "../../src/base/errors.ts";
import type { Contender, Place, Running, Side } from "../rig/types.ts";

export interface HttpFacts {
  readonly protocol: "http" | "ftp";
  readonly port: number;
  /** What stands before the path of a file. */
  readonly prefix: string;
}

/** With the library of vsftpd that a machine may lack. They are unpacked, not installed: installed they would start. */
const PEERS = ["nginx", "vsftpd", "libwrap0"];
const LIBRARIES = join(
  UNPACKED_FOLDER,
  "libwrap0/usr/lib",
  process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu",
);
const PEER_OPTIONS: SpawnOptions = {
  stdio: ["ignore", "ignore", "inherit"],
  env: { ...process.env, LD_LIBRARY_PATH: LIBRARIES },
};

/** Throws `lab-broken` when this machine's apt cannot get them. */
export function fetchPeers(tell: (line: string) => void): void {
  const absent = unpackPackages(PEERS, tell);
  if (absent.length > 0) throw new EverbootError("lab-broken", { reason: `apt cannot get ${absent.join(" ")}` });
}

function programOf(name: string): string {
  const installed = `/usr/sbin/${name}`;
  return existsSync(installed) ? installed : join(UNPACKED_FOLDER, name, "usr/sbin", name);
}

type HttpContender = Contender<HttpFacts>;

const STARTS_WITHIN_MS = 30_000;

/** `everboot up` as an operator starts it; `plain` keeps it to what Node has of its own. */
export function everboot(name: string, root: string, plain: boolean): HttpContender {
  return {
    name,
    start: async ({ place }) => {
      const folder = join(place.folder, "everboot");
      mkdirSync(folder, { recursive: true });
      const site = join(folder, "site.yaml");
      writeFileSync(site, siteText(place, root));
      const args = [EVERBOOT, "up", "-c", site, "--state", join(folder, "state"), "--log-level", "warn"];
      const env = { ...process.env, ...(plain && { EVERBOOT_PLAIN: "1" }) };
      const child = place.server.spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], env });
      await ready(child);
      return running(child, { protocol: "http", port: 80, prefix: "/trees/bench/" });
    },
  };
}

function siteText({ server, load }: Place, root: string): string {
  return `site: bench
subnets:
  - {cidr: ${server.address.replace(/\d+$/, "0")}/24, router: ${load.address}}
servers:
  one: {address: ${server.address}}
trees:
  bench: {family: debian, release: bookworm, path: ${root}}
profiles:
  plain: {tree: bench}
hosts: {}
`;
}

async function ready(child: ChildProcess): Promise<void> {
  if (!child.stdout) throw new Error("nothing to read from");
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) if (line.startsWith("ready")) return;
  throw new EverbootError("lab-broken", { reason: "everboot up has ended: see above" });
}

/** One worker, as one core is measured; no access log, as the others write none. */
export function nginx(name: string, root: string, extra = ""): HttpContender {
  return {
    name,
    start: async ({ place }) => {
      const folder = join(place.folder, "nginx");
      mkdirSync(folder, { recursive: true });
      const file = join(folder, "nginx.conf");
      writeFileSync(
        file,
        `daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr; user root;
events { worker_connections 4096; }
http {
  default_type application/octet-stream;
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; ${extra}
  client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  server { listen 80; root ${root}; }
}
`,
      );
      const child = place.server.spawn(programOf("nginx"), ["-c", file, "-p", folder], PEER_OPTIONS);
      await answers(place, 80);
      return running(child, { protocol: "http", port: 80, prefix: "/" });
    },
  };
}

export function vsftpd(name: string, root: string): HttpContender {
  return {
    name,
    start: async ({ place }) => {
      const jail = join(place.folder, "vsftpd");
      mkdirSync(jail, { recursive: true });
      const settings = {
        ...{ listen: "YES", background: "NO", anonymous_enable: "YES", local_enable: "NO", write_enable: "NO" },
        ...{ anon_root: root, ftp_username: "daemon", secure_chroot_dir: jail, xferlog_enable: "NO" },
        ...{ max_clients: 0, max_per_ip: 0, use_sendfile: "YES" },
        // Its filter of system calls knows those of older libraries only.
        seccomp_sandbox: "NO",
      };
      const file = join(place.folder, "vsftpd.conf");
      writeFileSync(
        file,
        Object.entries(settings)
          .map(([key, value]) => `${key}=${value}\n`)
          .join(""),
      );
      execFileSync("chmod", ["755", place.folder, root]);
      const child = place.server.spawn(programOf("vsftpd"), [file], PEER_OPTIONS);
      await answers(place, 21);
      return running(child, { protocol: "ftp", port: 21, prefix: "/" });
    },
  };
}

function running(child: ChildProcess, facts: HttpFacts): Running<HttpFacts> {
  return {
    facts,
    pids: () => [child.pid ?? 0],
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** Resolves when something listens there. */
async function answers({ load, server }: Place, port: number): Promise<void> {
  const end = performance.now() + STARTS_WITHIN_MS;
  while (performance.now() < end) if (await listens(load, server.address, port)) return;
  throw new EverbootError("lab-broken", { reason: `nothing listens on ${server.address}:${port}` });
}

async function listens(load: Side, address: string, port: number): Promise<boolean> {
  const script = `const s=require("node:net").connect(${port},"${address}");s.on("connect",()=>process.exit(0)).on("error",()=>setTimeout(()=>process.exit(1),50))`;
  return load.exec(process.execPath, ["-e", script]).then(
    () => true,
    () => false,
  );
}
