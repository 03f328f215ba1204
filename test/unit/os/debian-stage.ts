/** Runs the installer's scripts on this machine, with stand-ins for the programs and folders of the installer. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";

/** A folder that stands for the installer's root folder; absolute paths in scripts are moved below it. */
export class Stage {
  readonly root: string;

  constructor(t: TestContext) {
    this.root = mkdtempSync(join(tmpdir(), "everboot-scripts-"));
    t.after(() => rmSync(this.root, { recursive: true }));
    this.program("logger", ":");
  }

  write(path: string, content: string, mode = 0o644): void {
    const place = join(this.root, path);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, content, { mode });
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

  /** Each a program's name and its arguments. */
  calls(): string[] {
    return this.has("calls") ? this.read("calls").trim().split("\n") : [];
  }

  /** In which the stand-ins come before the machine's programs. */
  get environment() {
    return { ...process.env, PATH: `${this.root}/bin:${process.env.PATH}` };
  }

  run(script: string, ...args: string[]): number | null {
    this.write(
      "script",
      script.replaceAll(
        /(?<![\w.:])\/(everboot|target|sys|proc|etc|tmp(?!\/everboot-scripts)|var\/tmp|usr\/(?:bin|lib))\//g,
        `${this.root}/$1/`,
      ),
    );
    return spawnSync("sh", [join(this.root, "script"), ...args], { env: this.environment }).status;
  }
}
