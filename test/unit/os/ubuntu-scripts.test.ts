/** Runs the scripts of the live system on this machine, with stand-ins for its programs and folders. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { CASES, type Case, overlayText, renderCase } from "./ubuntu-cases.ts";
import { Stage } from "./ubuntu-stage.ts";

const AUTOINSTALL = "a: /dev/everboot-disk-1\nb: /dev/everboot-disk-2\nc: everboot-if-bios\nd: everboot-if-uefi\n";

function liveStage(t: TestContext, disks: Record<string, { removable?: 1; size?: 0; hidden?: 1; bus?: string }> = {}) {
  const stage = new Stage(t);
  stage.write("autoinstall.yaml", AUTOINSTALL);
  stage.program("everboot/report", ":");
  stage.program("mountpoint", "exit 0");
  stage.program("reboot", ":");
  const buses = Object.entries(disks).map(([disk, { bus = "ata" }]) => `*/dev/${disk}) echo ID_BUS=${bus};;`);
  stage.write("bin/udevadm", `#!/bin/sh\ncase "$*" in ${buses.join(" ")} esac\n`, 0o755);
  for (const [disk, { removable = 0, size = 8, hidden = 0 }] of Object.entries(disks)) {
    const folder = `sys/block/${disk.replace("/", "!")}`;
    stage.write(`${folder}/device/model`, "Disk\n");
    for (const [name, value] of Object.entries({ removable, size, hidden }))
      stage.write(`${folder}/${name}`, `${value}\n`);
  }
  return stage;
}

/** Without what runs beside it: the order of its calls would be left to chance. */
function early(given: Case): string {
  return overlayText(renderCase(given), "everboot/early").replace(/^.* &$/gm, "");
}

test("the first fixed disk is chosen, after the server knows", (t) => {
  const stage = liveStage(t, {
    "cciss/c0d0": {},
    nvme0c0n1: { hidden: 1 },
    sda: { removable: 1 },
    sdb: {},
  });
  assert.equal(stage.run(early({})).status, 0);
  assert.match(stage.read("autoinstall.yaml"), /^a: \/dev\/cciss\/c0d0$/m);
  assert.deepEqual(stage.calls("report"), ["report partition 0"]);
  assert.ok(!stage.has("everboot/failures"));
});

test("a mirror takes the first two disks, and boots as the machine does", (t) => {
  const stage = liveStage(t, { sda: { bus: "usb" }, sdb: { size: 0 }, sdc: {}, sdd: {}, sde: {} });
  assert.equal(stage.run(early(CASES.mirror)).status, 0);
  const bios = "a: /dev/sdc\nb: /dev/sdd\nc: true\nd: false\n";
  assert.equal(stage.read("autoinstall.yaml"), bios);

  stage.write("autoinstall.yaml", AUTOINSTALL);
  stage.write("sys/firmware/efi/fw_platform_size", "64\n");
  assert.equal(stage.run(early(CASES.mirror)).status, 0);
  assert.equal(stage.read("autoinstall.yaml"), "a: /dev/sdc\nb: /dev/sdd\nc: false\nd: true\n");
});

test("without disks enough the installation ends before anything is written", (t) => {
  const stage = liveStage(t, { sda: {}, sdb: { removable: 1 } });
  assert.equal(stage.run(early(CASES.mirror)).status, 1);
  assert.equal(stage.read("everboot/failures"), "fewer than two fixed disks were found\n");
  assert.equal(stage.read("autoinstall.yaml"), AUTOINSTALL);
});

test("a disk of the site file that is not there ends it too", (t) => {
  const stage = liveStage(t, { sda: {} });
  assert.equal(stage.run(early(CASES.bond)).status, 1);
  assert.equal(stage.read("everboot/failures"), "there is no disk /dev/disk/by-id/wwn-0x5000c500\n");
});

test("an early command that fails is told by its number", (t) => {
  const stage = liveStage(t, { sda: {} });
  assert.equal(stage.run(early({ profile: '\n    early: ["true", "exit 3", "touch second"]' })).status, 1);
  assert.equal(stage.read("everboot/failures"), "early command 2 failed with exit code 3\n");
  assert.ok(!stage.has("second"));
});

test("an installation that the server refuses restarts the machine and touches no disk", (t) => {
  const stage = liveStage(t, { sda: {} });
  stage.program("everboot/report", "exit 8");
  stage.program("sleep", ":");
  stage.run(early({ profile: '\n    early: ["touch ran"]' }));
  assert.deepEqual(
    stage.calls().filter((call) => !call.startsWith("logger")),
    ["report partition 0", "reboot ", "sleep 600"],
  );
  assert.equal(stage.read("autoinstall.yaml"), AUTOINSTALL);
  assert.ok(!stage.has("ran"));
});

function lateStage(t: TestContext, finish: string) {
  const stage = new Stage(t);
  const { overlay } = renderCase(CASES.bond);
  stage.unpack(overlay.filter(({ path }) => path.startsWith("everboot/")));
  stage.program("everboot/report", ":");
  stage.program("curtin", finish);
  stage.write("target/etc/netplan/00-installer-config.yaml", "network: {}\n");
  stage.write("target/etc/cloud/cloud.cfg.d/90-installer-network.cfg", "network: {}\n");
  return { stage, late: () => stage.run(stage.read("everboot/late").replace(/^.* &$/gm, "")) };
}

test("the installed system gets its own network alone, and done is the last word", (t) => {
  const { stage, late } = lateStage(t, "exit 0");
  assert.equal(late().status, 0);
  assert.equal(
    stage
      .run("ls /target/etc/netplan /target/etc/cloud/cloud.cfg.d")
      .stdout.match(/^\S+(yaml|cfg)$/gm)
      ?.join(),
    "99-everboot.cfg,01-everboot.yaml",
  );
  assert.equal(stage.run("stat -c %a /target/etc/netplan/01-everboot.yaml").stdout, "600\n");
  assert.equal(stage.read("target/etc/hostname"), "vm1\n");
  assert.deepEqual(stage.calls("report"), ["report done 900"]);
  assert.ok(!stage.has("target/var/tmp/everboot"));
  assert.match(stage.calls("chroot").join(), /usermod --password \$6\$saltsalt\$hash root/);
});

test("what fails at the end is told, is not called done, and does not stop the machine", (t) => {
  const { stage, late } = lateStage(t, "exit 1");
  stage.program("chroot", "exit 1");
  assert.equal(late().status, 0);
  const told = "the password of root could not be set\nthe commands of the profile could not be run";
  assert.equal(stage.read("everboot/failures"), `${told}\n`);
  assert.equal(stage.calls().join("\n").split("report ").at(-1), `failed 600 ${told}\nsync`);
});

test("an installer that gives up says what its journal has of it", (t) => {
  const stage = new Stage(t);
  stage.program("everboot/report", ":");
  stage.write(
    "bin/journalctl",
    "#!/bin/sh\nprintf 'start: cmd-install: x\\nfinish: cmd-install/stage-extract: FAIL: acquiring\\n  E: no package\\nSetting up x\\n'\n",
    0o755,
  );
  stage.run(overlayText(renderCase({}), "everboot/failed"));
  assert.match(
    stage.calls().join("\n"),
    /its console says why\nfinish: cmd-install\/stage-extract: FAIL: acquiring\n {2}E: no package$/,
  );
});

test("an installer that gives up says why if it knows", (t) => {
  const stage = new Stage(t);
  stage.program("everboot/report", ":");
  stage.write("bin/journalctl", "#!/bin/sh\n", 0o755);
  const script = overlayText(renderCase({}), "everboot/failed");
  stage.run(script);
  stage.write("everboot/failures", "no disk\n");
  assert.equal(stage.run(script).status, 0);
  assert.deepEqual(stage.calls(), [
    "report failed 600 the installer gave up: its console says why",
    "report failed 600 no disk",
  ]);
});
