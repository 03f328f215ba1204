/** A folder that stands for a machine's root, to run scripts of the Ubuntu family in, and stand-ins for programs. */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import type { OverlayFile } from "../../../src/os/family.ts";

/** Folders and files that scripts name by absolute paths. */
const MOVED = /(?<![\w.$}])\/(everboot|target|sys|scripts|conf|autoinstall\.yaml|live\.iso|user-data|meta-data|var)\b/g;

export class Stage {
  readonly root: string;

  constructor(t: TestContext) {
    this.root = mkdtempSync(join(tmpdir(), "everboot-ubuntu-"));
    t.after(() => rmSync(this.root, { recursive: true }));
    for (const name of ["logger", "journalctl", "sync", "chroot"]) this.program(name, ":");
  }

  write(path: string, content: string | Uint8Array, mode = 0o644): void {
    const place = join(this.root, path);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, content, { mode });
  }

  /** As the kernel unpacks them; absolute paths in programs are moved below the root. */
  unpack(files: readonly OverlayFile[]): void {
    for (const { path, mode, content } of files) this.write(path, this.#moved(String(content)), mode);
  }

  /** A stand-in for a program: notes how it was called in `calls`, then runs `body`. */
  program(name: string, body: string): void {
    const path = name.includes("/") ? name : `bin/${name}`;
    this.write(path, `#!/bin/sh\necho "${name.split("/").pop()} $*" >>${this.root}/calls\n${body}\n`, 0o755);
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), "utf8");
  }

  has(path: string): boolean {
    return existsSync(join(this.root, path));
  }

  /** Calls of stand-ins, in order; only those that begin with `word`. */
  calls(word = ""): string[] {
    const all = this.has("calls") ? this.read("calls").trim().split("\n") : [];
    return all.filter((call) => call.startsWith(word));
  }

  /** In which the stand-ins come before the machine's programs. */
  get environment() {
    return { ...process.env, PATH: `${this.root}/bin:${process.env.PATH}` };
  }

  run(script: string, shell: readonly string[] = ["sh"]): SpawnSyncReturns<string> {
    const [command = "sh", ...words] = shell;
    return spawnSync(command, [...words, "-c", this.#moved(script)], {
      cwd: this.root,
      env: this.environment,
      encoding: "utf8",
    });
  }

  #moved(text: string): string {
    return text.replaceAll(MOVED, `${this.root}/$1`);
  }
}
