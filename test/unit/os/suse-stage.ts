/** Runs an installer's scripts on this machine: a folder stands for its root, a server of the test for those it asks. */
import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";

export interface Asked {
  readonly path: string;
  readonly body: string;
}

/** What a server answers to a path; undefined = nothing, ever. */
export type Answers = (path: string) => readonly [status: number, body?: string] | undefined;

export interface Listener {
  readonly port: number;
  readonly asked: readonly Asked[];
  /** Ends when the path has been asked for. */
  seen(path: string): Promise<Asked>;
}

export async function listen(t: TestContext, answers: Answers): Promise<Listener> {
  const asked: Asked[] = [];
  const waiting = new Set<() => void>();
  const server = createServer(async (request, response) => {
    const path = request.url ?? "";
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    asked.push({ path, body });
    for (const wake of waiting) wake();
    const answer = answers(path);
    if (answer) response.writeHead(answer[0]).end(answer[1] ?? "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const seen = (path: string) =>
    new Promise<Asked>((resolve) => {
      const look = () => {
        const found = asked.find((one) => one.path === path);
        if (!found) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  return { port: (server.address() as AddressInfo).port, asked, seen };
}

/** A port that refuses connections. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Absolute paths that the scripts use, apart from devices. */
const MOVED =
  /(?<![\w.:/@%}-])\/(everboot|tmp|sys|proc|mnt|run|var\/(?:log|tmp)|etc|root|home|boot|usr\/(?:local|share\/agama))(?=\/|\b)/g;

export class Stage {
  readonly root: string;

  constructor(t: TestContext) {
    this.root = mkdtempSync(join(tmpdir(), "everboot-stage-"));
    t.after(() => {
      this.#endWatcher();
      rmSync(this.root, { recursive: true, force: true });
    });
    for (const folder of ["tmp", "proc/sys/kernel", "sys/block", "run"])
      mkdirSync(join(this.root, folder), { recursive: true });
    // A restart ends the script, and no wait is long.
    this.program("sleep", `[ "$1" = 600 ] && kill -9 $PPID\nexec /bin/sleep 0.05`);
  }

  /** What a pre-script leaves behind would go on reporting. */
  #endWatcher(): void {
    const noted = "tmp/everboot/watcher";
    if (this.has(noted)) spawnSync("kill", [this.read(noted).trim()]);
  }

  write(path: string, content: string, mode = 0o644): void {
    const place = join(this.root, path);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, content);
    chmodSync(place, mode);
  }

  link(path: string, target: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    mkdirSync(join(this.root, target), { recursive: true });
    symlinkSync(join(this.root, target), join(this.root, path));
  }

  program(name: string, body: string): void {
    this.write(`bin/${name}`, `#!/bin/bash\n${body}\n`, 0o755);
  }

  disk(name: string, { removable = 0, bus = "pci", partitions = {} }: DiskOptions = {}): void {
    this.link(`sys/block/${name}/device`, `devices/${bus}/${name}`);
    this.write(`sys/block/${name}/removable`, `${removable}\n`);
    this.write(`sys/block/${name}/size`, "1000\n");
    for (const [partition, size] of Object.entries(partitions)) {
      this.write(`sys/block/${name}/${partition}/size`, `${size}\n`);
    }
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), "utf8");
  }

  has(path: string): boolean {
    return existsSync(join(this.root, path));
  }

  /** The script with all its paths below this root. */
  moved(script: string): string {
    return script.replace(MOVED, `${this.root}/$1`);
  }

  /** The text as it is, by /bin/sh, which is bash on SUSE. */
  async run(script: string): Promise<{ readonly code: number | null; readonly output: string }> {
    this.write("script", script);
    const shell = spawn("bash", ["--posix", join(this.root, "script")], {
      env: { ...process.env, NEWROOT: join(this.root, "newroot"), PATH: `${this.root}/bin:${process.env.PATH}` },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [shell.stdout, shell.stderr])
      stream.setEncoding("utf8").on("data", (text) => (output += text));
    return new Promise((resolve) => shell.on("close", (code) => resolve({ code, output })));
  }
}

interface DiskOptions {
  readonly removable?: 0 | 1;
  readonly bus?: string;
  readonly partitions?: Readonly<Record<string, number>>;
}
