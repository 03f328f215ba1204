/** Runs the scripts of the installer on this machine, with stand-ins for its programs and folders. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { redhat } from "../../../src/os/redhat.ts";
import { reportScript } from "../../../src/os/redhat-scripts.ts";
import { diskScript } from "../../../src/os/redhat-storage.ts";
import type { Disk } from "../../../src/site/model.ts";
import { Stage, sections, smallInput } from "./redhat-cases.ts";

const noCurl = spawnSync("curl", ["--version"]).error ? "needs the program curl" : false;

/** Answers with each status in turn, then with the last one for ever; keeps what was posted. */
async function reportServer(t: TestContext, ...statuses: number[]) {
  const posts: string[] = [];
  const server = createServer(async (request, response) => {
    const chunks = await request.toArray();
    response.statusCode = statuses[Math.min(posts.length, statuses.length - 1)] ?? 200;
    posts.push(`${request.method} ${request.url} ${Buffer.concat(chunks).toString("utf8")}`);
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/report/t`, posts };
}

const DEAD = "http://127.0.0.1:9/report/t";

/** Its pauses are cut to a tenth of a second. */
async function report(t: TestContext, urls: readonly string[], ...args: string[]): Promise<unknown> {
  const stage = new Stage(t);
  stage.program("sleep", "exec /bin/sleep 0.1");
  const env = { ...process.env, PATH: `${stage.root}/bin:${process.env.PATH}` };
  const child = spawn("sh", ["-c", reportScript(urls), "report", ...args], { stdio: "ignore", env });
  const [code] = await once(child, "exit");
  return code;
}

test("a report goes to the next server when one is dead, with its text as it is", { skip: noCurl }, async (t) => {
  const server = await reportServer(t, 200);
  assert.equal(await report(t, [DEAD, server.url], "failed", "60", "@/etc/hostname & more"), 0);
  assert.deepEqual(server.posts, ["POST /report/t/failed @/etc/hostname & more"]);
});

test("a report is sent again until a server takes it", { skip: noCurl }, async (t) => {
  const server = await reportServer(t, 500, 503, 200);
  assert.equal(await report(t, [server.url], "packages", "60"), 0);
  assert.equal(server.posts.length, 3);
});

test("a report that a server refuses is given up at once", { skip: noCurl }, async (t) => {
  const server = await reportServer(t, 403);
  assert.equal(await report(t, [DEAD, server.url], "partition", "0"), 8);
  assert.equal(server.posts.length, 1);
});

test("a report without a server is given up after its time", { skip: noCurl }, async (t) => {
  assert.equal(await report(t, [DEAD], "post", "1"), 1);
});

/** The only section with this header; `report` in it is a stand-in. */
function scriptOf(header: RegExp, profile: string): string {
  const [script] = sections(redhat.render(smallInput({ release: "9", profile })).answer.text, header);
  assert.ok(script);
  return script.replace(/^cat >\/tmp\/everboot\/report [\s\S]*?^chmod 0755 \/tmp\/everboot\/report$/m, "");
}

function preStage(t: TestContext, reportBody = "exit 0"): Stage {
  const stage = new Stage(t);
  stage.program("tmp/everboot/report", reportBody);
  stage.program("reboot", ":");
  stage.program("sleep", ":");
  stage.disk("sda");
  return stage;
}

test("%pre tells the server before commands of the profile run and the disk is chosen", (t) => {
  const stage = preStage(t);
  stage.program("wipe", ":");
  assert.equal(stage.run(scriptOf(/^%pre /, ", early: [wipe everything, exit 3]")), 0);
  const calls = stage.read("calls").split("\n");
  assert.ok(calls.indexOf("report partition 0") < calls.indexOf("wipe everything"));
  assert.match(stage.read("tmp/everboot/disk.ks"), /^ignoredisk --only-use=sda$/m);
  assert.equal(stage.read("tmp/everboot/failed"), "early command 2 failed with exit code 3\n");
});

test("an installation that the server refuses restarts the machine and does nothing else", (t) => {
  const stage = preStage(t, '[ "$1" = answer ] || exit 8');
  stage.program("wipe", ":");
  stage.run(scriptOf(/^%pre /, ", early: [wipe everything]"));
  assert.deepEqual(
    [stage.calls("reboot"), stage.calls("sleep"), stage.calls("wipe")],
    [["reboot -f"], ["sleep 600"], []],
  );
  assert.ok(!stage.has("tmp/everboot/disk.ks"));
});

test("%post leaves out no late command, tells which failed, and survives a line that kickstart would end at", (t) => {
  const stage = new Stage(t);
  for (const program of ["chown", "restorecon"]) stage.program(program, ":");
  stage.write("etc/NetworkManager/system-connections/Wired.nmconnection", "of the installer\n");
  const late = JSON.stringify(["exit 3", "printf %s 'a\n%end\nb' >/root/late"]);
  assert.equal(stage.run(scriptOf(/^%post$/, `, late: ${late}, root: {ssh_keys: ["k 1", "it's"]}`)), 0);
  assert.equal(stage.read("root/late"), "a\n%end\nb");
  assert.equal(stage.read("root/.ssh/authorized_keys"), "k 1\nit's\n");
  assert.equal(stage.read("var/tmp/everboot-failed"), "late command 1 failed with exit code 3\n");
  assert.ok(!stage.has("etc/NetworkManager/system-connections/Wired.nmconnection"));
  assert.ok(stage.has("etc/NetworkManager/system-connections/nic0.nmconnection"));
  assert.ok(stage.has("etc/systemd/system/multi-user.target.wants/everboot-first-boot.service"));
});

test("the end is reported as done, or as failed with all that failed in installer and installed system", (t) => {
  const text = redhat.render(smallInput({ release: "9" })).answer.text;
  const script = sections(text, /^%post --nochroot$/).at(-1) ?? "";
  const well = preStage(t);
  well.run(script);
  assert.deepEqual(well.calls("report"), ["report done 900"]);
  const ill = preStage(t);
  ill.write("tmp/everboot/failed", "early command 1\n");
  ill.write("mnt/sysimage/var/tmp/everboot-failed", "late command 2\n");
  ill.run(script);
  assert.match(ill.read("calls"), /^report failed 600 early command 1\nlate command 2$/m);
  assert.ok(!ill.has("mnt/sysimage/var/tmp/everboot-failed"));
});

test("a fatal error is reported with what the installer's log says of it", (t) => {
  const [script = ""] = sections(redhat.render(smallInput({ release: "9" })).answer.text, /^%onerror$/);
  const stage = preStage(t);
  stage.write("tmp/anaconda.log", "12:00:00,1 INF all is well\n12:00:01,2 ERR no packages\n");
  stage.run(script);
  assert.match(stage.read("calls"), /^report failed 60 the installer stopped:\n12:00:01,2 ERR no packages$/m);
});

test("an exception is reported with its message, what packages ran into too", (t) => {
  const [script = ""] = sections(redhat.render(smallInput({ release: "9" })).answer.text, /^%onerror$/);
  const stage = preStage(t);
  const traceback = `12:00:02,3 CRT exception: Traceback (most recent call last):

  File "/usr/lib64/python3.9/site-packages/pyanaconda/threading.py", line 280, in run
    threading.Thread.run(self)
pyanaconda.errors.PayloadInstallationError: no mirror answers
`;
  stage.write("tmp/anaconda.log", traceback);
  stage.write("tmp/packaging.log", "12:00:01,2 ERR packaging: KERRIGAN is gone\n12:00:01,3 INF packaging: ERRATA\n");
  stage.run(script);
  assert.match(
    stage.read("calls"),
    /^report failed 60 the installer stopped:\n.*KERRIGAN is gone\npyanaconda\.errors\.PayloadInstallationError: no mirror answers$/m,
  );
});

const GIVE_UP = 'give_up() { echo "$1" >/tmp/everboot/gave-up; exit 1; }\n';

/** What the installer would do with the disks, or why it gave up. */
function disks(stage: Stage, disk: Partial<Disk>): string {
  const code = stage.run(GIVE_UP + diskScript({ layout: "plain", devices: [], keep: [], ...disk }).join("\n"));
  if (code !== 0) return `gave up: ${stage.read("tmp/everboot/gave-up")}`;
  return stage.read("tmp/everboot/disk.ks");
}

function stageOf(t: TestContext, ...names: string[]): Stage {
  const stage = new Stage(t);
  for (const name of names) stage.disk(name);
  return stage;
}

test("the first fixed disk is taken: none that can be removed, is empty, is on USB, or is no disk", (t) => {
  const stage = stageOf(t, "sdd", "sde");
  stage.disk("sda", { removable: 1 });
  stage.disk("sdb", { size: 0 });
  stage.disk("sdc");
  stage.program("udevadm", 'case "$*" in */dev/sdc) echo ID_BUS=usb;; esac');
  stage.write("sys/block/dm-0/removable", "0\n");
  stage.disk("mmcblk0boot0");
  assert.match(disks(stage, {}), /^ignoredisk --only-use=sdd\nclearpart .*--drives=sdd$/m);
});

test("a mirror is made of the first two fixed disks, with what the firmware reads on both", (t) => {
  const bios = disks(stageOf(t, "sda", "sdb"), { layout: "raid1" });
  assert.match(bios, /^part biosboot .*--ondisk=sda\npart None --fstype=biosboot .*--ondisk=sdb$/m);
  const stage = stageOf(t, "sda", "sdb");
  stage.write("sys/firmware/efi/fw_platform_size", "64\n");
  const uefi = disks(stage, { layout: "raid1" });
  assert.match(uefi, /^raid \/boot\/efi raid\.41 raid\.42 .*--level=1/m);
  for (const text of [bios, uefi]) {
    assert.doesNotMatch(text, /@/);
    assert.equal([...text.matchAll(/^part raid\.\d1 .*--ondisk=sda$/gm)].length, [...text.matchAll(/^raid /gm)].length);
  }
});

test("disks that are named are followed to what they are, and must be there", (t) => {
  const stage = stageOf(t, "sda", "nvme0n1");
  stage.link("dev/disk/by-id/nvme-1", "../../nvme0n1");
  assert.match(disks(stage, { devices: ["/dev/disk/by-id/nvme-1"] }), /--only-use=nvme0n1$/m);
  assert.match(disks(stage, { devices: ["/dev/sdx"] }), /^gave up: there is no disk .*\/dev\/sdx\n$/);
});

test("too few disks end the installation", (t) => {
  assert.equal(disks(stageOf(t), {}), "gave up: no fixed disk was found\n");
  assert.equal(disks(stageOf(t, "sda"), { layout: "raid1" }), "gave up: two fixed disks are needed, found: sda\n");
});

test("kept partitions are mounted as they are, all others are deleted by name", (t) => {
  const stage = new Stage(t);
  stage.disk("nvme0n1", { partitions: [1, 2, 3, 13] });
  const text = disks(stage, { layout: "lvm", keep: [{ partition: 3, mount: "/srv" }] });
  assert.match(text, /^clearpart --list=nvme0n1p1,nvme0n1p13,nvme0n1p2$/m);
  assert.match(text, /^part \/srv --onpart=nvme0n1p3 --noformat$/m);
  assert.doesNotMatch(text, /zerombr|--initlabel|--all/);
});

test("a disk whose partitions are all kept loses none, and kept boot partitions are not made anew", (t) => {
  const stage = new Stage(t);
  stage.disk("sda", { partitions: [1, 2] });
  const keep = [
    { partition: 1, mount: "/boot/efi" },
    { partition: 2, mount: "/boot" },
  ];
  const text = disks(stage, { keep });
  assert.match(text, /^clearpart --none$/m);
  assert.doesNotMatch(text, /^(reqpart|part \/boot --fstype)/m);
});

test("a partition to be kept that is not there, or could change its number, ends the installation", (t) => {
  const stage = new Stage(t);
  stage.disk("sda", { partitions: [1, 2, 5] });
  const keep = (partition: number) => disks(stage, { keep: [{ partition, mount: "/srv" }] });
  assert.equal(keep(3), "gave up: partition 3 of sda is to be kept and is not there\n");
  stage.program("blkid", "echo dos");
  assert.equal(keep(5), "gave up: partitions above 4 can be kept on GPT only\n");
  stage.program("blkid", "echo gpt");
  assert.match(keep(5), /^part \/srv --onpart=sda5 --noformat$/m);
});
