/**
 * Foreign validators for what we render: other projects' own programs and schemas. Debian's packages are unpacked by
 * `./everboot test` under .cache/packages; sources and schemas that no package has are looked for in the folder that
 * EVERBOOT_JUDGES names (docs/lab.md says what goes there).
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UNPACKED_FOLDER } from "../../lab/unpacked.ts";

const JUDGES = process.env.EVERBOOT_JUDGES ?? join(UNPACKED_FOLDER, "../judges");

export interface Judge {
  /** Absolute path of its program, script or schema; use it only when `obstacle` is undefined. */
  readonly path: string;
  /** Why it cannot judge here, for `test(name, { skip: judge.obstacle }, ...)`. */
  readonly obstacle: string | undefined;
}

/** Inside EVERBOOT_JUDGES: `pykickstart/tools/ksvalidator.py`, `agama/profile.schema.json`, ... */
export function outsideJudge(path: string): Judge {
  const absolute = join(JUDGES, path);
  const obstacle = existsSync(absolute) ? undefined : `EVERBOOT_JUDGES has no ${path} (docs/lab.md)`;
  return { path: absolute, obstacle };
}

/** Inside a Debian package that is unpacked, not installed: `packagedJudge("isc-dhcp-server", "usr/sbin/dhcpd")`. */
export function packagedJudge(name: string, path: string): Judge {
  const absolute = join(UNPACKED_FOLDER, name, path);
  return { path: absolute, obstacle: existsSync(absolute) ? undefined : `package ${name} is not unpacked here` };
}

/** A program on this machine's PATH. */
export function installedJudge(name: string): Judge {
  const found = spawnSync("sh", ["-c", 'command -v "$0"', name], { encoding: "utf8" }).stdout.trim();
  return { path: found, obstacle: found === "" ? `${name} is not installed` : undefined };
}

export interface Verdict {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a judge; its exit code, and what it wrote to both of its outputs. */
export function runJudge(
  command: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Verdict {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    ...options,
    env: { ...process.env, ...options.env },
  });
  return { code: status, output: `${stdout ?? ""}${stderr ?? ""}${error ? String(error) : ""}` };
}

/** What debconf says of a preseed file; with a database of its own, as the machine's is for one process at a time. */
export function judgePreseed(debconf: Judge, text: string): Verdict {
  const folder = mkdtempSync(join(tmpdir(), "everboot-debconf-"));
  try {
    const databases = ["config", "templates"].map(
      (name) => `Name: ${name}\nDriver: File\nFilename: ${join(folder, `${name}.dat`)}\n`,
    );
    const settings = ["Config: config\nTemplates: templates\n", ...databases].join("\n");
    writeFileSync(join(folder, "debconf.conf"), settings);
    writeFileSync(join(folder, "preseed.cfg"), text);
    const env = { DEBCONF_SYSTEMRC: join(folder, "debconf.conf") };
    return runJudge(debconf.path, ["--checkonly", join(folder, "preseed.cfg")], { env });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
