/** The Debian Installer's own debconf, in a chroot of its initrd, shows a question that nobody answers: who hears of it? */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { appendFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { CONFMODULE_ADDITION, QUESTION_WATCHER } from "../../src/os/debian-question.ts";
import { readDebianLog } from "../../src/os/log-lines-debian.ts";
import type { SyslogServer } from "../../src/server/syslog/server.ts";
import { startSyslog } from "../support/syslog.ts";

const LOOPBACK = "127.0.0.1";
const INITRD = "/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64/initrd.gz";

function whyNot(): string | false {
  if (process.getuid?.() !== 0) return "needs root (chroot)";
  if (process.arch !== "x64" || !existsSync(INITRD)) return "needs debian-installer-12-netboot-amd64, on amd64";
  const missing = ["cpio", "script", "unshare"].filter((name) => spawnSync(name, ["--version"]).error !== undefined);
  return missing.length > 0 && `needs ${missing.join(", ")}`;
}

/** Asks as the installer's shell scripts do, `set -e` and all, and goes on with the answer. */
const ASKS = `#!/bin/sh
set -e
. /usr/share/debconf/confmodule
db_input low mirror/http/proxy || [ $? -eq 30 ]
db_input critical mirror/http/hostname || true
db_go
logger -t asks "code $?"
sleep 600
`;

/** Asks past the shell library, as programs in C do. */
const ASKS_ITSELF = `#!/bin/sh
exec 3>&1
say() { echo "$*" >&3; read -r answer; }
say INPUT critical mirror/http/hostname
say GO
sleep 600
`;

const START = `mkdir -p /var/run /dev/pts
/sbin/syslogd -L -R ${LOOPBACK}:$1
debconf-loadtemplate d-i /var/lib/dpkg/info/*.templates
/everboot/watch 1 </dev/null >/dev/null 2>&1 &
exec debconf -o d-i $2
`;

let root: string;
let server: SyslogServer;
let findings: string[];
let arrived: () => void;
let installer: ChildProcess | undefined;
const skip = whyNot();

before(async () => {
  if (skip) return;
  root = await mkdtemp(join(tmpdir(), "everboot-question-"));
  execFileSync("sh", ["-c", `zcat ${INITRD} | cpio -idm --quiet --no-absolute-filenames 2>/dev/null || true`], {
    cwd: root,
  });
  spawnSync("mknod", ["-m", "666", join(root, "dev/null"), "c", "1", "3"]);
  await mkdir(join(root, "everboot"));
  await mkdir(join(root, "proc"), { recursive: true });
  await appendFile(join(root, "usr/share/debconf/confmodule"), CONFMODULE_ADDITION);
  for (const [name, text] of Object.entries({ watch: QUESTION_WATCHER, ASKS, ASKS_ITSELF, START })) {
    await writeFile(join(root, "everboot", name), text, { mode: 0o755 });
  }
});

after(async () => {
  if (!skip) await rm(root, { recursive: true });
});

beforeEach(async () => {
  findings = [];
  arrived = () => {};
  server = await startSyslog({
    onMessage: ({ program = "", text }) => {
      const finding = readDebianLog(program, text);
      if (finding || program === "asks") findings.push(finding ? `${finding.kind}: ${finding.text}` : text);
      arrived();
    },
  });
});

afterEach(async () => {
  if (installer?.exitCode === null) {
    const ended = once(installer, "exit");
    installer.kill("SIGKILL");
    await ended;
  }
  await server.stop();
});

/** Runs the program under debconf, on a terminal of its own, in namespaces that end with it. */
function start(program: string, frontend: string): ChildProcess {
  const inside = `chroot ${root} /bin/sh /everboot/START ${server.port} /everboot/${program}`;
  const space = `exec unshare --mount --pid --fork --kill-child --mount-proc=${root}/proc ${inside}`;
  const path = "/usr/sbin:/usr/bin:/sbin:/bin";
  installer = spawn("script", ["-qefc", space, "/dev/null"], {
    stdio: ["pipe", "ignore", "ignore"],
    env: { PATH: path, TERM: "linux", DEBIAN_FRONTEND: frontend },
  });
  return installer;
}

function heard(wanted: string): Promise<void> {
  return new Promise((resolve) => {
    arrived = () => {
      if (findings.includes(wanted)) resolve();
    };
    arrived();
  });
}

for (const frontend of ["newt", "text"]) {
  test(`${frontend}: a question is told by its name, and its answer`, { skip, timeout: 120_000 }, async () => {
    const { stdin } = start("ASKS", frontend);
    await heard("question: the installer asks: mirror/http/hostname");
    assert.deepEqual(findings, ["question: the installer asks: mirror/http/hostname"]);
    stdin?.write("\t\t\r\n");
    await heard("step: the question was answered");
    await heard("code 0");
  });
}

test("a question that a program in C asks is told without a name", { skip, timeout: 120_000 }, async () => {
  start("ASKS_ITSELF", "text");
  await heard("question: the installer asks: something that its answers do not cover");
});
