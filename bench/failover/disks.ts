/** A disk for each server that can be full: what the daemon keeps and what its member of etcd keeps are both on it. */

import { execFileSync } from "node:child_process";
import { closeSync, copyFileSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addCleanup, runQuietly } from "../../lab/cleanup.ts";

/** etcd alone keeps two logs of 64 MB. */
const DISK_MEGABYTES = 256;
const FILLER = "filler";

export class LabDisks {
  private folder: string | undefined;
  private servers: readonly string[] = [];
  private forget = () => {};

  /** Moves what the lab keeps of its servers onto disks of their own. `lab`: its folder, before anything runs. */
  mount(lab: string, servers: readonly string[]): void {
    const folder = mkdtempSync(join(tmpdir(), "everboot-disks-"));
    this.folder = folder;
    this.servers = servers;
    this.forget = addCleanup(() => this.remove());
    for (const name of servers) {
      const disk = join(folder, name);
      mkdirSync(disk);
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_MEGABYTES}m,mode=0700`, "everboot-disk", disk]);
      for (const kept of ["state", "etcd"]) mkdirSync(join(disk, kept));
      copyFileSync(join(lab, name, "cluster.key"), join(disk, "state/cluster.key"));
      rmSync(join(lab, name), { recursive: true });
      symlinkSync(join(disk, "state"), join(lab, name));
      symlinkSync(join(disk, "etcd"), join(lab, `etcd-${name}`));
    }
  }

  /** Not a byte is left for the server. */
  fill(server: string): void {
    const file = openSync(this.filler(server), "a");
    try {
      for (let bytes = 1 << 20; bytes >= 1; bytes >>= 1) writeWhileRoom(file, Buffer.alloc(bytes));
    } finally {
      closeSync(file);
    }
  }

  /** Room again on all of them. */
  clear(): void {
    for (const server of this.servers) rmSync(this.filler(server), { force: true });
  }

  unmount(): void {
    this.remove();
    this.forget();
  }

  private filler(server: string): string {
    return join(this.folder ?? "", server, FILLER);
  }

  /** Lazily: processes of the lab may still be about to end. */
  private remove(): void {
    const { folder } = this;
    if (folder === undefined) return;
    for (const server of this.servers) runQuietly("umount", ["-l", join(folder, server)]);
    rmSync(folder, { recursive: true, force: true });
    this.folder = undefined;
  }
}

function writeWhileRoom(file: number, bytes: Uint8Array): void {
  try {
    while (writeSync(file, bytes) === bytes.length);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}
