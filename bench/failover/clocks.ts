/**
 * A wall clock for each server that can jump: libfaketime under the daemon, its supervisor and its keepalived. It moves
 * CLOCK_REALTIME, as a step of NTP does, not the monotonic clocks. etcd does not see it: Go asks the kernel itself.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addCleanup } from "../../lab/cleanup.ts";
import { UNPACKED_FOLDER } from "../../lab/unpacked.ts";
import { EverbootError } from "../../src/base/errors.ts";

export const CLOCK_PACKAGE = "libfaketime";

export class LabClocks {
  private readonly folder = mkdtempSync(join(tmpdir(), "everboot-clocks-"));
  private readonly forget = addCleanup(() => this.clear());
  private readonly processes = new Set<number>();
  private readonly servers = new Set<string>();

  /** For a server's processes; its clock is right at first. */
  environment(server: string): Readonly<Record<string, string>> {
    this.servers.add(server);
    this.set(server, 0);
    return {
      LD_PRELOAD: library(),
      FAKETIME_TIMESTAMP_FILE: this.file(server),
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
  }

  /** At once, to so many seconds from the true time. */
  set(server: string, seconds: number): void {
    writeFileSync(this.file(server), `${seconds < 0 ? "" : "+"}${seconds}\n`);
  }

  reset(): void {
    for (const server of this.servers) this.set(server, 0);
  }

  /** A process that was started with `environment`: killed, it leaves behind what its children shared with it. */
  note(pid: number | undefined): void {
    if (pid !== undefined) this.processes.add(pid);
  }

  remove(): void {
    this.clear();
    this.forget();
  }

  private clear(): void {
    rmSync(this.folder, { recursive: true, force: true });
    for (const pid of this.processes)
      for (const name of [`faketime_shm_${pid}`, `sem.faketime_sem_${pid}`])
        rmSync(`/dev/shm/${name}`, { force: true });
  }

  private file(server: string): string {
    return join(this.folder, server);
  }
}

/** The variant for programs with threads. */
function library(): string {
  const root = join(UNPACKED_FOLDER, CLOCK_PACKAGE, "usr/lib");
  const folders = existsSync(root) ? readdirSync(root).map((arch) => join(root, arch, "faketime")) : [];
  const found = folders.map((folder) => join(folder, "libfaketimeMT.so.1")).find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new EverbootError("lab-broken", { reason: `package ${CLOCK_PACKAGE} could not be unpacked` });
}
