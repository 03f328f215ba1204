import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import type { FamilyInput } from "../../../src/os/family.ts";
import { suse } from "../../../src/os/suse.ts";
import { matrixSite } from "../../support/bond-matrix.ts";
import { inputOf, scriptOf, servedBy, smallInput } from "./suse-cases.ts";
import { type Answers, type Listener, listen, Stage } from "./suse-stage.ts";

const PROFILE = "tmp/profile/autoinst.xml";
const MODIFIED = "tmp/profile/modified.xml";
const MODULES = "/Module-Basesystem Basesystem-Module 15.6-0\n/Product-SLES SLES15-SP6 15.6-0\n";
const LEAP = "/ openSUSE-Leap 15.6-1\n";

interface Given {
  readonly release?: string;
  readonly profile?: readonly string[];
  readonly products?: string;
  readonly answers?: Answers;
}

interface Machine {
  readonly stage: Stage;
  readonly server: Listener;
  readonly input: FamilyInput;
  run(script: string): ReturnType<Stage["run"]>;
}

/** A machine with the profile in its place and YaST running. */
async function machine(
  t: TestContext,
  { release = "15.6", profile, products = LEAP, answers }: Given,
): Promise<Machine> {
  const server = await listen(t, answers ?? ((path) => [200, path.endsWith("products") ? products : ""]));
  const input = servedBy(smallInput({ family: "suse", release, ...(profile && { profile }) }), [server.port]);
  const rendered = suse.render(input);
  const stage = new Stage(t);
  stage.write(PROFILE, rendered.answer.text);
  stage.write("proc/7/cmdline", "/usr/lib/YaST2/bin/y2start\0installation\0");
  return { stage, server, input, run: (script) => stage.run(stage.moved(scriptOf(rendered, script))) };
}

const events = ({ server }: Machine) =>
  server.asked.map(({ path }) => path.replace("/report/t0ken/", "")).filter((path) => !path.startsWith("/"));

test("the first script reports, chooses the disk, and takes out what this machine and medium do not have", async (t) => {
  const it = await machine(t, {});
  it.stage.disk("sdb");
  it.stage.disk("sda", { bus: "usb2" });
  assert.equal((await it.run("everboot-pre")).code, 0);
  assert.deepEqual(events(it), ["answer", "partition"]);
  const modified = it.stage.read(MODIFIED);
  assert.match(modified, /<device>\/dev\/sdb<\/device>/);
  const sections = modified.slice(0, modified.indexOf("<scripts>"));
  assert.doesNotMatch(sections, /@|EFI only|\/boot\/efi<|modules only|<products|<add-on/);
  assert.equal(
    modified.slice(sections.length),
    it.stage.read(PROFILE).split("  <scripts>")[1]?.replace(/^/, "<scripts>"),
  );
});

test("with EFI and a medium of modules, both stay", async (t) => {
  const it = await machine(t, { products: MODULES });
  it.stage.disk("sda");
  it.stage.write("sys/firmware/efi/fw_platform_size", "64\n");
  assert.equal((await it.run("everboot-pre")).code, 0);
  assert.match(
    it.stage.read(MODIFIED),
    /<mount>\/boot\/efi<[\s\S]*<product>SLES<[\s\S]*<product_dir>\/Module-Basesystem</,
  );
});

test("without the permit the machine restarts and the profile is not touched", async (t) => {
  const it = await machine(t, { answers: (path) => [path.endsWith("partition") ? 403 : 200] });
  it.stage.disk("sda");
  await it.run("everboot-pre");
  assert.equal(it.stage.read("proc/sysrq-trigger"), "b\n");
  assert.equal(it.stage.has(MODIFIED), false);
});

test("an early command that fails, or a machine without a disk, stops before anything is written", async (t) => {
  for (const [profile, why] of [
    [["early: ['exit 3']"], "early command 1 failed with exit code 3"],
    [["disk: {layout: raid1}"], "fewer than two fixed disks were found"],
    [[], "no fixed disk was found"],
  ] as const) {
    const it = await machine(t, { profile });
    if (profile.length > 0) it.stage.disk("sda");
    await it.run("everboot-pre");
    assert.deepEqual(events(it), ["answer", "partition", "failed"]);
    assert.equal(it.server.asked.at(-1)?.body, why);
    assert.equal(it.stage.read("proc/sysrq-trigger"), "b\n");
  }
});

test("all partitions but the kept ones are freed, and what holds logical ones stays", async (t) => {
  const profile = ["disk: {layout: lvm, keep: [{partition: 3, mount: /srv}, {partition: 6, mount: /data}]}"];
  const it = await machine(t, { profile });
  it.stage.disk("sda", { partitions: { sda1: 9, sda2: 9, sda3: 9, sda4: 2, sda5: 9, sda6: 9, sda12: 9 } });
  assert.equal((await it.run("everboot-pre")).code, 0);
  assert.match(it.stage.read(MODIFIED), /<use>1,12,2,5<\/use>/);
});

test("a disk that holds kept partitions alone has room, or the installation fails; a missing one stops it", async (t) => {
  const profile = ["disk: {device: /dev/nvme9n1, keep: [{partition: 3, mount: /srv}]}"];
  const whole = await machine(t, { profile });
  whole.stage.disk("nvme9n1", { partitions: { nvme9n1p3: 9 } });
  await whole.run("everboot-pre");
  assert.match(whole.stage.read(MODIFIED), /<device>\/dev\/nvme9n1<[\s\S]*<use>free<\/use>/);

  const lacking = await machine(t, { profile });
  lacking.stage.disk("nvme9n1", { partitions: { nvme9n1p1: 9 } });
  await lacking.run("everboot-pre");
  assert.equal(lacking.server.asked.at(-1)?.body, "there is no partition 3 on /dev/nvme9n1");
});

test("a YaST that ends early is reported", async (t) => {
  const it = await machine(t, {});
  it.stage.disk("sda");
  await it.run("everboot-pre");
  it.stage.write("proc/7/cmdline", "");
  const { body } = await it.server.seen("/report/t0ken/failed");
  assert.equal(body, "YaST ended before the installation was done");
});

test("a YaST that ends early is reported with its last complaints", async (t) => {
  const it = await machine(t, {});
  it.stage.disk("sda");
  const line = (level: number, text: string) => `2026-11-20 10:00:00 <${level}> install(3187) [Ruby] x.rb:1 ${text}\n`;
  it.stage.write("var/log/YaST2/y2log", `${line(3, "one")}${line(3, "two")}${line(1, "well")}${line(5, "three")}`);
  await it.run("everboot-pre");
  it.stage.write("proc/7/cmdline", "");
  const { body } = await it.server.seen("/report/t0ken/failed");
  assert.match(body, /was done: 2026-11-20 10:00:00 <3> .* two\n2026-11-20 10:00:00 <5> .* three$/);
});

/** Programs of the installed system that would change this machine. */
function standIns(stage: Stage): void {
  for (const name of ["systemctl", "chkconfig", "chown", "firewall-offline-cmd", "blkid", "mount", "umount"]) {
    stage.program(name, `echo "${name} $*" >>${stage.root}/calls`);
  }
  stage.write("etc/udev/rules.d/README", "");
  stage.write("etc/sudoers", "");
}

/** Ended, it may wait for ever to be buried: its parent is gone, and not every PID 1 buries. */
function isRunning(pid: string): boolean {
  const path = `/proc/${pid}/stat`;
  // The state stands after the program's name, which may hold anything but is in brackets.
  return existsSync(path) && !/\) Z /.test(readFileSync(path, "utf8"));
}

test("the last script reports done, and ends the watcher, so that YaST may end", async (t) => {
  const profile = [
    'root: {ssh_keys: ["ssh-ed25519 AAAA root\'s"]}',
    "users: [{name: ada, ssh_keys: [k1, k2], sudo: true}]",
    'mirrors: ["http://mirror.example/x"]',
  ];
  const it = await machine(t, { profile });
  standIns(it.stage);
  it.stage.disk("sda");
  await it.run("everboot-pre");
  assert.equal((await it.run("everboot-packages")).code, 0);
  await it.server.seen("/report/t0ken/packages");
  await it.run("everboot-handover");
  const watcher = it.stage.read("mnt/var/tmp/everboot/watcher").trim();
  assert.equal(isRunning(watcher), true);
  it.stage.write("var/tmp/everboot/watcher", watcher);
  const { output } = await it.run("everboot-post");
  assert.equal(output, "");
  assert.deepEqual(events(it), ["answer", "partition", "packages", "post", "done"]);
  assert.equal(isRunning(watcher), false);
  assert.equal(it.stage.read("root/.ssh/authorized_keys"), "ssh-ed25519 AAAA root's\n");
  assert.equal(it.stage.read("home/ada/.ssh/authorized_keys"), "k1\nk2\n");
  assert.match(it.stage.read("etc/sudoers"), /^ada ALL=\(ALL\) ALL$/m);
  assert.match(it.stage.read("etc/zypp/repos.d/everboot-1.repo"), /^baseurl=http:\/\/mirror\.example\/x$/m);
  assert.match(it.stage.read("etc/udev/rules.d/70-persistent-net.rules"), /"52:54:00:00:00:01", NAME="nic0"/);
  assert.ok(it.stage.has("etc/systemd/system/everboot-first-boot.service"));
  assert.match(it.stage.read("calls"), /^systemctl enable sshd$/m);
});

test("an installation whose late command failed is reported as failed, not as done", async (t) => {
  const it = await machine(t, { profile: ["late: ['true', 'exit 4']"] });
  standIns(it.stage);
  await it.run("everboot-post");
  assert.deepEqual(events(it), ["post", "failed"]);
  assert.equal(it.server.asked.at(-1)?.body, "late command 2 failed with exit code 4\n".trim());
});

test("SLES 10 and 11 get their kernel arguments, accounts and first boot in their own way", async (t) => {
  const profile = [
    "installed_kernel_arguments: [quiet, 'a=b|c&d']",
    "users: [{name: ada, sudo: true, ssh_keys: [k1]}]",
  ];
  const it = await machine(t, { release: "11.4", profile });
  standIns(it.stage);
  it.stage.write("boot/grub/menu.lst", "title one\n    kernel /vmlinuz root=/dev/sda2\n    initrd /initrd\n");
  it.stage.write("etc/sysconfig/bootloader", 'DEFAULT_APPEND="resume=/dev/sda1"\n');
  await it.run("everboot-post");
  assert.deepEqual(events(it), ["post", "done"]);
  assert.match(it.stage.read("boot/grub/menu.lst"), /^ {4}kernel \/vmlinuz root=\/dev\/sda2 quiet a=b\|c&d$/m);
  assert.equal(it.stage.read("etc/sysconfig/bootloader"), 'DEFAULT_APPEND="quiet a=b|c&d resume=/dev/sda1"\n');
  assert.equal(it.stage.has("home/ada/.ssh/authorized_keys"), false);
  assert.equal((await it.run("everboot-accounts")).output, "");
  assert.equal(it.stage.read("home/ada/.ssh/authorized_keys"), "k1\n");
  assert.match(it.stage.read("calls"), /^chkconfig everboot-first-boot on$/m);
});

test("bash can parse every script for every host", () => {
  const scripts = new Set(
    ["10.4", "11.4", "12.5", "15.6"].flatMap((release) => {
      const site = matrixSite({ family: "suse", release });
      return [...site.hosts.values()].flatMap((host) => {
        const { text } = suse.render(inputOf(site, host)).answer;
        return [...text.matchAll(/<source><!\[CDATA\[([\s\S]*?)\]\]><\/source>/g)].map((match) => match[1] ?? "");
      });
    }),
  );
  assert.ok(scripts.size > 10);
  for (const script of scripts) {
    const { status, stderr } = spawnSync("bash", ["--posix", "-n"], { input: script, encoding: "utf8" });
    assert.deepEqual([status, stderr], [0, ""], script);
  }
});
