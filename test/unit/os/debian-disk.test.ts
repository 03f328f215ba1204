import assert from "node:assert/strict";
import { existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { diskAnswers, diskHelpers, partitionScript, STOP_SCRIPT } from "../../../src/os/debian-disk.ts";
import type { Disk } from "../../../src/site/model.ts";
import { Stage } from "./debian-stage.ts";

const PLAIN: Disk = { layout: "plain", devices: [], keep: [] };
const profileWith = (disk: Partial<Disk>) => ({ disk: { ...PLAIN, ...disk }, early: [] });

function diskStage(t: TestContext, disks: Record<string, { removable?: 1; size?: 0; bus?: string }>): Stage {
  const stage = new Stage(t);
  stage.program("everboot/report", "exit 0");
  stage.program("everboot/stop", "exit 1");
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
  assert.equal(stage.run(partitionScript(profileWith({}))), 0);
  assert.deepEqual(
    stage.calls().filter((call) => !call.startsWith("logger")),
    [
      "report partition 0",
      "debconf-set partman-auto/disk /dev/cciss/c0d0",
      "debconf-set grub-installer/bootdev /dev/cciss/c0d0",
    ],
  );
});

test("without a fixed disk the installation stops", (t) => {
  const stage = diskStage(t, { sda: { removable: 1 } });
  assert.equal(stage.run(partitionScript(profileWith({}))), 1);
  assert.deepEqual(stage.calls(), ["report partition 0", "stop no fixed disk was found"]);
});

test("a disk named in the site file is not chosen again", (t) => {
  const stage = diskStage(t, { sda: {} });
  assert.equal(stage.run(partitionScript(profileWith({ devices: ["/dev/sda"] }))), 0);
  assert.deepEqual(stage.calls(), ["report partition 0"]);
});

test("an installation that the server refuses restarts the machine and touches no disk", (t) => {
  const stage = diskStage(t, { sda: {} });
  stage.program("everboot/report", "exit 8");
  stage.program("reboot", ":");
  stage.program("sleep", ":");
  stage.run(partitionScript(profileWith({})));
  const calls = stage.calls().filter((call) => !call.startsWith("logger"));
  assert.deepEqual(calls, ["report partition 0", "reboot ", "sleep 600"]);
});

test("what stops an installation is told, and the machine restarts", (t) => {
  const stage = diskStage(t, {});
  stage.program("reboot", ":");
  stage.program("sleep", ":");
  stage.run(STOP_SCRIPT, "no disk");
  const calls = stage.calls().filter((call) => !call.startsWith("logger"));
  assert.deepEqual(calls, ["report failed 600 no disk", "reboot ", "sleep 600"]);
  assert.ok(stage.has("everboot/failed"));
});

test("early commands run after the server knows and before a disk is chosen, once", (t) => {
  const stage = diskStage(t, { sda: {} });
  stage.program("log-output", 'shift 2; exec "$@"');
  const script = partitionScript({ ...profileWith({}), early: ['echo "it\'s" >>$OUT', "true"] });
  const run = () => stage.run(`OUT=${stage.root}/made; export OUT\n${script}`);
  assert.deepEqual([run(), run()], [0, 0]);
  assert.equal(stage.read("made"), "it's\n");
  const order = stage.calls().map((call) => call.split(" ")[0]);
  assert.deepEqual(order, ["report", "log-output", "log-output", "logger", "debconf-set", "debconf-set"]);
});

test("an early command that fails stops the installation", (t) => {
  const stage = diskStage(t, { sda: {} });
  stage.program("log-output", 'shift 2; exec "$@"');
  stage.run(partitionScript({ ...profileWith({}), early: ["true", "exit 3"] }));
  assert.equal(stage.calls().at(-1), "stop early command 2 failed with exit code 3");
});

test("mirrored disks are the first two, and their arrays are of the partitions after the firmware's", (t) => {
  const stage = diskStage(t, { sda: {}, nvme0n1: {}, sdc: {} });
  assert.equal(stage.run(partitionScript(profileWith({ layout: "raid1" }))), 0);
  const answers = Object.fromEntries(stage.calls().flatMap((call) => answerOf(call)));
  const firmware = existsSync("/sys/firmware/efi") ? "uefi" : "bios";
  assert.deepEqual(answers, {
    "partman-auto/disk": "/dev/sda /dev/nvme0n1",
    "grub-installer/bootdev": "/dev/sda /dev/nvme0n1",
    "partman-auto/expert_recipe_file": `${stage.root}/everboot/raid-${firmware}`,
    "partman-auto-raid/recipe": "1 2 0 ext4 / /dev/sda2#/dev/nvme0n1p2 . 1 2 0 swap - /dev/sda3#/dev/nvme0n1p3 .",
  });
  assert.equal(stage.read("everboot/firmware-partitions"), "/dev/sda1 /dev/nvme0n1p1\n");
});

test("mirrored disks that are named by links go by their kernel's names", (t) => {
  const stage = diskStage(t, {});
  const links = ["wwn-0x5.1", "wwn-0x5.2"].map((name) => join(stage.root, name));
  for (const [index, link] of links.entries()) {
    stage.write(`sd${index}`, "");
    symlinkSync(`sd${index}`, link);
  }
  assert.equal(stage.run(partitionScript(profileWith({ layout: "raid1", devices: links }))), 0);
  const chosen = `debconf-set partman-auto/disk ${stage.root}/sd0 ${stage.root}/sd1`;
  assert.ok(stage.calls().includes(chosen));
});

test("mirrored disks need two disks, and the installer's component for them", (t) => {
  const one = diskStage(t, { sda: {} });
  one.run(partitionScript(profileWith({ layout: "raid1" })));
  assert.equal(one.calls().at(-1), "stop fewer than two fixed disks were found");
  const absent = diskStage(t, {});
  absent.run(partitionScript(profileWith({ layout: "raid1", devices: ["/nowhere/a", "/nowhere/b"] })));
  assert.equal(absent.calls().at(-1), "stop there is no disk /nowhere/a");
  const lacking = diskStage(t, { sda: {}, sdb: {} });
  lacking.program("debconf-set", "case $1 in partman-auto-raid/*) exit 10;; esac");
  lacking.run(partitionScript(profileWith({ layout: "raid1" })));
  assert.equal(lacking.calls().at(-1), "stop the tree lacks the installer component partman-auto-raid");
});

test("each partition that stays is named in the hook that keeps it", () => {
  const disk = {
    ...PLAIN,
    keep: [
      { partition: 3, mount: "/srv" },
      { partition: 6, mount: "/var/data" },
    ],
  };
  const [keep] = diskHelpers(disk);
  assert.equal(keep?.path, "everboot/keep");
  assert.match(String(keep?.content), /^for pair in '3:\/srv' '6:\/var\/data'; do$/m);
  assert.deepEqual(diskHelpers(PLAIN), []);
});

test("without the hook that keeps partitions nothing is erased: partman has no method", () => {
  const keep = [{ partition: 3, mount: "/srv" }];
  const method = /^d-i partman-auto\/method /m;
  assert.doesNotMatch(diskAnswers({ ...PLAIN, keep }).join("\n"), method);
  assert.match(diskAnswers(PLAIN).join("\n"), method);
});

function answerOf(call: string): [question: string, value: string][] {
  const [program, question = "", ...value] = call.split(" ");
  return program === "debconf-set" ? [[question, value.join(" ")]] : [];
}
