/** Runs the scripts of the installer on this machine, with stand-ins for the programs and folders of the installer. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import {
  aptGetScript,
  baseScript,
  finishScript,
  partitionScript,
  postScript,
  reportScript,
} from "../../../src/os/debian-scripts.ts";
import { CASES, inputOf } from "./debian-cases.ts";

const noWget = spawnSync("wget", ["--version"]).error ? "needs the program wget" : false;

/** A folder that stands for the installer's root folder; absolute paths in scripts are moved below it. */
class Stage {
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
      script.replaceAll(/(?<![\w.])\/(everboot|target|sys|usr\/(?:bin|lib))\//g, `${this.root}/$1/`),
    );
    return spawnSync("sh", [join(this.root, "script"), ...args], { env: this.environment }).status;
  }
}

/** Answers with each status in turn, then with the last one for ever; keeps what was posted. */
async function reportServer(t: TestContext, ...statuses: number[]) {
  const posts: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      response.statusCode = statuses[Math.min(posts.length, statuses.length - 1)] ?? 200;
      posts.push(`${request.method} ${request.url} ${body}`);
      response.end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, posts };
}

async function exitCode(child: ChildProcess): Promise<number | null> {
  const [code] = await once(child, "exit");
  return code;
}

/** Its pauses are cut to a tenth of a second. */
function report(t: TestContext, url: string, ...args: string[]): Promise<number | null> {
  const stage = new Stage(t);
  stage.program("sleep", "exec /bin/sleep 0.1");
  return exitCode(
    spawn("sh", ["-c", reportScript(url), "report", ...args], { stdio: "ignore", env: stage.environment }),
  );
}

test("a report is posted with its text, again and again until the server takes it", { skip: noWget }, async (t) => {
  const server = await reportServer(t, 500, 503, 200);
  assert.equal(await report(t, `${server.url}/report/t`, "failed", "60", "no disk & more"), 0);
  assert.deepEqual(server.posts, Array(3).fill("POST /report/t/failed no disk & more"));
});

test("a report that the server refuses is given up at once", { skip: noWget }, async (t) => {
  const server = await reportServer(t, 403);
  assert.equal(await report(t, `${server.url}/report/t`, "partition", "0"), 8);
  assert.equal(server.posts.length, 1);
});

test("a report without a server is given up after its time", { skip: noWget }, async (t) => {
  assert.equal(await report(t, "http://127.0.0.1:9/report/t", "post", "1"), 1);
});

function diskStage(t: TestContext, disks: Record<string, { removable?: 1; size?: 0; bus?: string }>): Stage {
  const stage = new Stage(t);
  stage.program("everboot/report", "exit 0");
  stage.program("debconf-set", ":");
  stage.write(
    "bin/list-devices",
    `#!/bin/sh\n${Object.keys(disks)
      .map((disk) => `echo /dev/${disk}\n`)
      .join("")}`,
    0o755,
  );
  const buses = Object.entries(disks).map(([disk, { bus = "ata" }]) => `*/dev/${disk}) echo ID_BUS=${bus};;`);
  stage.write("bin/udevadm", `#!/bin/sh\ncase "$*" in ${buses.join(" ")} esac\n`, 0o755);
  for (const [disk, { removable = 0, size = 8 }] of Object.entries(disks)) {
    stage.write(`sys/block/${disk.replace("/", "!")}/removable`, `${removable}\n`);
    stage.write(`sys/block/${disk.replace("/", "!")}/size`, `${size}\n`);
  }
  return stage;
}

test("the first fixed disk is chosen, for partitions and boot loader, after the server knows", (t) => {
  const stage = diskStage(t, {
    sda: { removable: 1 },
    sdb: { size: 0 },
    sdc: { bus: "usb" },
    "cciss/c0d0": {},
    sdd: {},
  });
  assert.equal(stage.run(partitionScript("auto")), 0);
  assert.deepEqual(
    stage.calls().filter((call) => !call.startsWith("logger")),
    [
      "report partition 0",
      "debconf-set partman-auto/disk /dev/cciss/c0d0",
      "debconf-set grub-installer/bootdev /dev/cciss/c0d0",
    ],
  );
  assert.ok(!stage.has("everboot/failed"));
});

test("without a fixed disk the installation counts as failed", (t) => {
  const stage = diskStage(t, { sda: { removable: 1 } });
  assert.equal(stage.run(partitionScript("auto")), 0);
  assert.ok(stage.calls().includes("report failed 60 no fixed disk was found"));
  assert.ok(stage.has("everboot/failed"));
});

test("a disk named in the site file is not chosen again", (t) => {
  const stage = diskStage(t, { sda: {} });
  assert.equal(stage.run(partitionScript("/dev/sda")), 0);
  assert.deepEqual(stage.calls(), ["report partition 0"]);
});

test("an installation that the server refuses restarts the machine and touches no disk", (t) => {
  const stage = diskStage(t, { sda: {} });
  stage.program("everboot/report", "exit 8");
  stage.program("reboot", ":");
  stage.program("sleep", ":");
  stage.run(partitionScript("auto"));
  const calls = stage.calls().filter((call) => !call.startsWith("logger"));
  assert.deepEqual(calls, ["report partition 0", "reboot ", "sleep 600"]);
});

/** Stand-ins that take one line of `plan` for each call: the exit code. After the last line they succeed. */
function aptStage(t: TestContext, plan: { apt: readonly number[]; server: readonly number[] }): Stage {
  const stage = new Stage(t);
  const next = (file: string) =>
    `code=$(head -n 1 ${stage.root}/${file}); sed -i 1d ${stage.root}/${file}; exit "\${code:-0}"`;
  stage.write("apt-plan", plan.apt.map((code) => `${code}\n`).join(""));
  stage.write("server-plan", plan.server.map((code) => `${code}\n`).join(""));
  stage.program("usr/bin/apt-get.real", next("apt-plan"));
  stage.program("usr/lib/apt/apt-helper", next("server-plan"));
  stage.program("sleep", ":");
  return stage;
}

const APT_GET = aptGetScript("http://192.168.77.1/trees/debian-12", "bookworm");
const callsOf = (stage: Stage, program: string) => stage.calls().filter((call) => call.startsWith(program));

test("apt-get is run again with the same words when the server is back", (t) => {
  const stage = aptStage(t, { apt: [100, 100], server: [100, 100, 100, 0, 100, 0] });
  assert.equal(stage.run(APT_GET, "-y", "install", "a package"), 0);
  assert.deepEqual(callsOf(stage, "apt-get.real"), Array(3).fill("apt-get.real -y install a package"));
  assert.equal(callsOf(stage, "sleep 5").length, 2);
});

test("apt-get that fails while the server answers is run once more, then believed", (t) => {
  const stage = aptStage(t, { apt: [100, 100, 100], server: [] });
  assert.equal(stage.run(APT_GET, "update"), 100);
  assert.equal(callsOf(stage, "apt-get.real").length, 2);
});

test("apt-get that fails for another reason is not run again", (t) => {
  const stage = aptStage(t, { apt: [2], server: [] });
  assert.equal(stage.run(APT_GET, "bogus"), 2);
  assert.deepEqual(callsOf(stage, "apt-helper"), []);
});

test("apt-get gives up after half an hour without a server", (t) => {
  const stage = aptStage(t, { apt: [100], server: [] });
  stage.program("usr/lib/apt/apt-helper", "exit 100");
  assert.equal(stage.run(APT_GET, "update"), 100);
  assert.equal(callsOf(stage, "sleep 5").length, 359);
});

function postStage(t: TestContext): Stage {
  const stage = new Stage(t);
  stage.program("everboot/report", "exit 0");
  stage.program("in-target", ":");
  stage.program("chroot", ":");
  stage.write("everboot/finish", "exit 0\n");
  stage.write(
    "everboot/target/etc/network/interfaces",
    "slaves @52:54:00:00:00:01@ @52:54:00:00:00:02@\nhwaddress 52:54:00:00:00:01\n",
  );
  stage.write("target/usr/bin/apt-get", "the waiting one\n");
  stage.write("sys/class/net/enp0s3/address", "52:54:00:00:00:01\n");
  stage.write("sys/class/net/enp0s3/device/vendor", "0x1af4\n");
  return stage;
}
const TWO_NICS = inputOf(CASES.bond).host.nics;

test("NIC names are found by address, and the waiting apt-get goes", (t) => {
  const stage = postStage(t);
  stage.write("sys/class/net/enp0s4/address", "52:54:00:00:00:02\n");
  stage.write("sys/class/net/enp0s4/device/vendor", "0x1af4\n");
  assert.equal(stage.run(postScript(TWO_NICS)), 0);
  assert.equal(stage.read("target/etc/network/interfaces"), "slaves enp0s3 enp0s4\nhwaddress 52:54:00:00:00:01\n");
  assert.ok(!stage.has("target/usr/bin/apt-get"));
  assert.ok(!stage.has("everboot/failed"));
});

test("a NIC that is not there is left out and told of", (t) => {
  const stage = postStage(t);
  // a device without hardware, such as a VLAN, that has the address of a NIC
  stage.write("sys/class/net/dummy0/address", "52:54:00:00:00:02\n");
  assert.equal(stage.run(postScript(TWO_NICS)), 0);
  assert.equal(stage.read("target/etc/network/interfaces"), "slaves enp0s3 \nhwaddress 52:54:00:00:00:01\n");
  assert.ok(stage.calls().includes("report failed 600 no NIC has the address 52:54:00:00:00:02"));
  assert.ok(stage.has("everboot/failed"));
});

test("the target trusts the tree's key only if it has one", (t) => {
  const stage = new Stage(t);
  stage.program("chroot", ":");
  stage.write("everboot/apt-get", "#!/bin/sh\n");
  stage.write("everboot/archive.gpg", "key");
  stage.write("target/usr/bin/apt-get", "real");
  assert.equal(stage.run(baseScript({ keyring: false })), 0);
  assert.ok(!stage.has("target/etc/apt/trusted.gpg.d/everboot.gpg"));
  assert.equal(stage.run(baseScript({ keyring: true })), 0);
  assert.equal(stage.read("target/etc/apt/trusted.gpg.d/everboot.gpg"), "key");
  assert.equal(stage.read("target/usr/bin/apt-get"), "#!/bin/sh\n");
});

test("a late command that fails is told by its number, and the ones after it still run", (t) => {
  const stage = new Stage(t);
  const profile = { ...inputOf(CASES.minimal).profile, late: ["echo 'one' >$OUT/one", "exit 3", 'touch "$OUT/three"'] };
  stage.write("made/.keep", "");
  const failures = join(stage.root, "failed");
  const script = finishScript(profile).replaceAll("/var/tmp/everboot/failed", failures);
  assert.equal(stage.run(`OUT=${stage.root}/made; export OUT\n${script}`), 0);
  assert.equal(stage.read("made/one"), "one\n");
  assert.ok(stage.has("made/three"));
  assert.equal(stage.read("failed"), "late command 2 failed with exit code 3\n");
});
