/**
 * The arrangement of the papers that Everboot was made from, for comparison: two plain servers with the same file on
 * vsftpd, and two floating addresses by a keepalived that is configured as in its manual: adverts every second.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { addCleanup } from "../../lab/cleanup.ts";
import { keepalivedProgram, type LabServer, ServersLab } from "../../lab/servers.ts";
import { UNPACKED_FOLDER } from "../../lab/unpacked.ts";
import { download } from "./attempts.ts";
import { makeContent, PACKAGE } from "./content.ts";
import { killAtOnce } from "./faults.ts";
import { chanceOf, nameOf, pick, type Run } from "./plan.ts";
import type { Outcome } from "./results.ts";
import { type Machine, openMachines } from "./rig.ts";
import { tellMoment, troubleOf, undergo } from "./trial.ts";

export const FTP_PACKAGE = "vsftpd";
const NAME = "mxp";
const FTP_PROGRAM = join(UNPACKED_FOLDER, FTP_PACKAGE, "usr/sbin/vsftpd");
const SETTLED_WITHIN_MS = 30_000;

export class PapersRig {
  private readonly net: ServersLab;
  private readonly machines: readonly Machine[];
  private readonly folder = mkdtempSync(join(tmpdir(), "everboot-papers-"));
  private readonly forget = addCleanup(() => rmSync(this.folder, { recursive: true, force: true }));
  /** Settled when what was started has ended. */
  private readonly running: Promise<unknown>[] = [];

  private constructor(net: ServersLab, machines: readonly Machine[]) {
    this.net = net;
    this.machines = machines;
  }

  static async open(): Promise<PapersRig> {
    const net = await ServersLab.open(NAME, 2);
    const rig = new PapersRig(net, await openMachines(net));
    try {
      // Read by a user without rights.
      chmodSync(rig.folder, 0o755);
      mkdirSync(rig.root);
      mkdirSync(join(rig.folder, "empty"));
      await makeContent(rig.root);
      await rig.mend();
      return rig;
    } catch (error) {
      await rig.close();
      throw error;
    }
  }

  async trial(run: Run): Promise<Outcome> {
    const chance = chanceOf(nameOf(run));
    const [machine, victim] = [pick(chance, this.machines), pick(chance, this.net.servers)];
    const to = join(this.folder, "file");
    rmSync(to, { force: true });
    const right = readFileSync(join(this.root, PACKAGE));
    const attempt = download(chance, to, `ftp://${victim.floating}/${PACKAGE}`, () => right);
    const act = () => (run.fault === "cut" ? this.cut(victim) : killAtOnce(this.net, victim));
    const { ended, pauseMs } = await undergo(machine, attempt, act, to);
    const trouble = troubleOf(attempt, ended);
    const mending = performance.now();
    await this.mend();
    return {
      ...{ ...run, client: attempt.client, at: tellMoment(attempt.moment) },
      ...(trouble !== undefined && { trouble }),
      ...{ pauseMs: Math.round(pauseMs), mendMs: Math.round(performance.now() - mending) },
    };
  }

  async close(): Promise<void> {
    for (const { space } of this.machines) await space.remove();
    await this.net.close();
    rmSync(this.folder, { recursive: true, force: true });
    this.forget();
  }

  private get root(): string {
    return join(this.folder, "root");
  }

  private async cut(server: LabServer): Promise<void> {
    await Promise.all([this.net.cut(server, "lan", "silent"), this.net.cut(server, "cross", "silent")]);
  }

  /** All anew; resolves when each server alone holds its address. */
  private async mend(): Promise<void> {
    for (const server of this.net.servers) {
      this.net.signal(server, "SIGKILL");
      for (const cable of ["lan", "cross"] as const) await this.net.heal(server, cable);
    }
    await Promise.all(this.running.splice(0));
    for (const server of this.net.servers) {
      // What a killed keepalived has left behind, as an operator would find it.
      for (const { floating } of this.net.servers)
        await server.space.ip(`addr del ${floating}/24 dev lan`).catch(() => undefined);
      this.start(server);
    }
    const end = performance.now() + SETTLED_WITHIN_MS;
    while (!(await this.isHome())) {
      if (performance.now() > end) throw new Error(`keepalived has not settled within ${SETTLED_WITHIN_MS / 1000} s`);
      await delay(50);
    }
  }

  private async isHome(): Promise<boolean> {
    for (const { name, floating } of this.net.servers)
      if ((await this.net.holders(floating)).join() !== name) return false;
    return true;
  }

  private start(server: LabServer): void {
    const file = (name: string) => join(this.folder, `${server.name}.${name}`);
    writeFileSync(file("vsftpd.conf"), this.ftpConfig());
    writeFileSync(file("keepalived.conf"), this.keepalivedConfig(server), { mode: 0o600 });
    for (const pid of ["pid", "vrrp"]) rmSync(file(pid), { force: true });
    const { program, env } = keepalivedProgram();
    const options = { stdio: "ignore", env: { ...process.env, ...env, LD_LIBRARY_PATH: libraries(env) } } as const;
    const keepalived = ["-n", "-P", "-f", file("keepalived.conf"), "-p", file("pid"), "-r", file("vrrp")];
    this.running.push(once(server.space.spawn(FTP_PROGRAM, [file("vsftpd.conf")], options), "exit"));
    this.running.push(once(server.space.spawn(program, keepalived, options), "exit"));
  }

  /** One instance an address, the owner's first; everything that is not named has keepalived's default. */
  private keepalivedConfig(server: LabServer): string {
    return this.net.servers
      .map(
        (owner, index) => `vrrp_instance V${index + 1} {
  state ${owner === server ? "MASTER" : "BACKUP"}
  interface lan
  virtual_router_id ${51 + index}
  priority ${owner === server ? 150 : 100}
  advert_int 1
  virtual_ipaddress {
    ${owner.floating}/24
  }
}
`,
      )
      .join("");
  }

  private ftpConfig(): string {
    const settings = {
      ...{ listen: "YES", background: "NO", anonymous_enable: "YES", no_anon_password: "YES" },
      // A user whose home there is: vsftpd goes there first.
      ...{ ftp_username: "daemon", anon_root: this.root, secure_chroot_dir: join(this.folder, "empty") },
      // Its children would be in network namespaces of their own, and outlive their server in the lab.
      ...{ isolate: "NO", isolate_network: "NO" },
      // The kernel of a container may refuse its filter of system calls.
      seccomp_sandbox: "NO",
    };
    return Object.entries(settings)
      .map(([key, value]) => `${key}=${value}\n`)
      .join("");
  }
}

/** vsftpd needs libwrap, which may be unpacked only. */
function libraries({ LD_LIBRARY_PATH = "" }: Readonly<Record<string, string>>): string {
  const arch = execFileSync("uname", ["-m"], { encoding: "utf8" }).trim();
  return [LD_LIBRARY_PATH, join(UNPACKED_FOLDER, `libwrap0/usr/lib/${arch}-linux-gnu`)].filter(Boolean).join(":");
}
