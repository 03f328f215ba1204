/** The servers that are measured beside each other: Everboot's on both its paths, atftpd, tftpd-hpa, dnsmasq. */
import { type ChildProcess, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { UNPACKED_FOLDER, unpackPackages } from "../../lab/unpacked.ts";
import { EverbootError } from "../../src/base/errors.ts";
import type { Contender, Round } from "../rig/types.ts";

/** Libraries among them: a machine may lack those. */
const PACKAGES = ["atftpd", "tftpd-hpa", "libwrap0", "libnsl2", "libpcre2-8-0", "dnsmasq-base"];
const PORT = 69;
/** As /proc/net/udp has the port. */
const LISTENING = /:0045 /;
const START_TRIES = 200;

interface Program {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Rejects with `tool-missing` when a package cannot be had. They are unpacked, not installed: that would start them. */
export function contenders(files: string, tell: (line: string) => void): Contender[] {
  const missing = unpackPackages(PACKAGES, tell);
  const details = { tool: "other TFTP servers", purpose: "the bench beside the peers", package: missing.join(" ") };
  if (missing.length > 0) throw new EverbootError("tool-missing", details);
  const everboot = (address: string, env = {}): Program => ({
    ...{ file: process.execPath, args: [join(import.meta.dirname, "server.ts"), files, address, String(PORT)], env },
  });
  const env = { LD_LIBRARY_PATH: libraryFolders() };
  return [
    contender("everboot", everboot),
    contender("everboot plain", (address) => everboot(address, { EVERBOOT_PLAIN: "1" })),
    contender("atftpd", (address) => ({
      ...{ file: unpacked("atftpd/usr/sbin/atftpd"), env },
      args: ["--daemon", "--no-fork", "--user", "root.root", "--maxthread", "500", "--bind-address", address, files],
    })),
    contender("tftpd-hpa", (address) => ({
      ...{ file: unpacked("tftpd-hpa/usr/sbin/in.tftpd"), env },
      args: ["--foreground", "--ipv4", "--secure", "--user", "root", "--address", `${address}:${PORT}`, files],
    })),
    contender("dnsmasq", (address) => ({
      ...{ file: unpacked("dnsmasq-base/usr/sbin/dnsmasq"), env },
      args: [
        ...["--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--user=root", "--pid-file="],
        ...["--bind-interfaces", `--listen-address=${address}`],
        ...["--enable-tftp", `--tftp-root=${files}`, "--tftp-max=500"],
      ],
    })),
  ];
}

function contender(name: string, programAt: (address: string) => Program): Contender {
  return {
    name,
    async start(round) {
      const { server } = round.place;
      const { file, args, env } = programAt(server.address);
      const child = server.spawn(file, args, {
        stdio: ["ignore", "ignore", "inherit"],
        env: { ...process.env, ...env },
      });
      await listening(round, child, name);
      return {
        facts: undefined,
        pids: () => (child.pid === undefined ? [] : [child.pid]),
        async stop() {
          if (child.exitCode !== null || child.signalCode !== null) return;
          const gone = once(child, "close");
          child.kill("SIGKILL");
          await gone;
        },
      };
    },
  };
}

async function listening({ place }: Round, child: ChildProcess, name: string): Promise<void> {
  for (let tries = 0; tries < START_TRIES && child.exitCode === null; tries++) {
    if (LISTENING.test(await place.server.exec("cat", ["/proc/net/udp"]))) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill("SIGKILL");
  throw new EverbootError("lab-broken", { reason: `${name} does not listen on UDP port ${PORT}` });
}

function unpacked(path: string): string {
  const file = join(UNPACKED_FOLDER, path);
  if (existsSync(file)) return file;
  throw new EverbootError("lab-broken", { reason: `no ${path} in ${UNPACKED_FOLDER}` });
}

/** Where the unpacked libraries are: `lib` or `usr/lib`, by architecture. */
function libraryFolders(): string {
  const triplet = spawnSync("dpkg-architecture", ["-qDEB_HOST_MULTIARCH"], { encoding: "utf8" }).stdout?.trim();
  const names = readdirSync(UNPACKED_FOLDER).filter((name) => PACKAGES.includes(name) && name.startsWith("lib"));
  return names
    .flatMap((name) => ["lib", "usr/lib"].map((folder) => join(UNPACKED_FOLDER, name, folder, triplet ?? "")))
    .filter((folder) => existsSync(folder))
    .join(":");
}
