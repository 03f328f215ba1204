import assert from "node:assert/strict";
import { readlinkSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { finishScript, type PostOptions, postScript } from "../../../src/os/debian-finish.ts";
import { CASES, inputOf } from "./debian-cases.ts";
import { Stage } from "./debian-stage.ts";

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
const POST: PostOptions = {
  nics: inputOf(CASES.bond).host.nics,
  disk: { layout: "plain", devices: [], keep: [] },
  trees: ["http://192.168.77.1/trees/t"],
  lastingTree: "http://192.168.77.1/trees/t",
};

test("NIC names are found by address, and the waiting apt-get goes", (t) => {
  const stage = postStage(t);
  stage.write("sys/class/net/enp0s4/address", "52:54:00:00:00:02\n");
  stage.write("sys/class/net/enp0s4/device/vendor", "0x1af4\n");
  assert.equal(stage.run(postScript(POST)), 0);
  assert.equal(stage.read("target/etc/network/interfaces"), "slaves enp0s3 enp0s4\nhwaddress 52:54:00:00:00:01\n");
  assert.ok(!stage.has("target/usr/bin/apt-get"));
  assert.ok(!stage.has("everboot/failed"));
});

test("NICs that all show the master's address, as some do after a restart, are still those of the bond", (t) => {
  for (const shown of ["52:54:00:00:00:01", "52:54:00:00:00:02"]) {
    const stage = postStage(t);
    for (const name of ["enp0s3", "enp0s4"]) {
      stage.write(`sys/class/net/${name}/address`, `${shown}\n`);
      stage.write(`sys/class/net/${name}/device/vendor`, "0x1af4\n");
    }
    assert.equal(stage.run(postScript(POST)), 0);
    const names = shown.endsWith("1") ? "enp0s3 enp0s4" : "enp0s4 enp0s3";
    assert.equal(stage.read("target/etc/network/interfaces"), `slaves ${names}\nhwaddress 52:54:00:00:00:01\n`);
    assert.ok(!stage.has("everboot/failed"));
  }
});

test("a NIC that is not there is left out and told of", (t) => {
  const stage = postStage(t);
  // a device without hardware, such as a VLAN, that has the address of a NIC
  stage.write("sys/class/net/dummy0/address", "52:54:00:00:00:02\n");
  assert.equal(stage.run(postScript(POST)), 0);
  assert.equal(stage.read("target/etc/network/interfaces"), "slaves enp0s3 \nhwaddress 52:54:00:00:00:01\n");
  assert.ok(stage.calls().includes("report failed 600 no NIC has the address 52:54:00:00:00:02"));
  assert.ok(stage.has("everboot/failed"));
});

test("the installed system asks all servers, whichever the installer ended with", (t) => {
  const trees = ["http://192.168.77.1/trees/t", "http://192.168.77.2:8080/trees/t"];
  for (const used of trees) {
    const stage = postStage(t);
    stage.write("target/etc/apt/sources.list", `deb ${used}/ bookworm main\n# deb-src ${used} bookworm main\n`);
    assert.equal(stage.run(postScript({ ...POST, trees })), 0);
    const lines = ["deb", "# deb-src"].map(
      (kind) => `${kind} mirror+file:/etc/apt/mirrors/everboot.list bookworm main\n`,
    );
    assert.equal(stage.read("target/etc/apt/sources.list"), lines.join(""));
  }
});

test("the installed system forgets the version and the protocol that it was installed from", (t) => {
  for (const used of ["http://192.168.77.1/trees/t@0123456789ab", "ftp://192.168.77.1/trees/t@0123456789ab"]) {
    const stage = postStage(t);
    stage.write("target/etc/apt/sources.list", `deb ${used} bookworm main\n# deb-src ${used}/ bookworm main\n`);
    stage.write("target/etc/apt/apt.conf.d/00everboot-ftp", "");
    assert.equal(stage.run(postScript({ ...POST, trees: [used] })), 0);
    const lines = ["deb", "# deb-src"].map((kind) => `${kind} http://192.168.77.1/trees/t bookworm main\n`);
    assert.equal(stage.read("target/etc/apt/sources.list"), lines.join(""));
    assert.ok(!stage.has("target/etc/apt/apt.conf.d/00everboot-ftp"));
  }
});

/** After an installation on two disks with UEFI; the first one's EFI partition is mounted. */
function mirroredStage(t: TestContext): Stage {
  const stage = postStage(t);
  stage.write("target/boot/efi/EFI/BOOT/BOOTX64.EFI", "loader");
  stage.write("everboot/firmware-partitions", "/dev/sda1 /dev/sdb1\n");
  stage.write(
    "proc/mounts",
    `/dev/md0 ${stage.root}/target ext4 rw 0 0\n/dev/sda1 ${stage.root}/target/boot/efi vfat rw 0 0\n`,
  );
  stage.write("target/etc/fstab", "# /boot/efi was on /dev/sda1\nUUID=1A-2B  /boot/efi  vfat  umask=0077  0  1\n");
  stage.program("mount", `[ "$3" = /dev/sdb1 ] || exit 1`);
  stage.program("umount", ":");
  return stage;
}
const MIRRORED: PostOptions = { ...POST, disk: { layout: "raid1", devices: [], keep: [] } };

test("the second disk gets the boot loader too, and the system starts without the first", (t) => {
  const stage = mirroredStage(t);
  stage.write("sys/class/net/enp0s4/address", "52:54:00:00:00:02\n");
  stage.write("sys/class/net/enp0s4/device/vendor", "0x1af4\n");
  assert.equal(stage.run(postScript(MIRRORED)), 0);
  assert.equal(stage.read("everboot/efi/EFI/BOOT/BOOTX64.EFI"), "loader");
  assert.match(stage.read("target/etc/fstab"), /^UUID=1A-2B {2}\/boot\/efi {2}vfat {2}umask=0077,nofail {2}0 {2}1$/m);
  assert.ok(!stage.has("everboot/failed"));
});

test("a second disk that cannot be made bootable is told of", (t) => {
  const stage = mirroredStage(t);
  stage.program("mount", "exit 1");
  stage.run(postScript(MIRRORED));
  assert.ok(stage.calls().some((call) => call.includes("the boot loader could not be copied to /dev/sdb1")));
});

test("the report of the first boot is switched on", (t) => {
  const stage = new Stage(t);
  assert.equal(stage.run(finishScript(inputOf(CASES.minimal).profile)), 0);
  const wants = "etc/systemd/system/multi-user.target.wants/everboot-first-boot.service";
  assert.equal(readlinkSync(join(stage.root, wants)), "../everboot-first-boot.service");
});

test("a late command that fails is told by its number, and the ones after it still run", (t) => {
  const stage = new Stage(t);
  const profile = { ...inputOf(CASES.minimal).profile, late: ["echo 'one' >$OUT/one", "exit 3", 'touch "$OUT/three"'] };
  stage.write("made/.keep", "");
  stage.write("var/tmp/everboot/.keep", "");
  assert.equal(stage.run(`OUT=${stage.root}/made; export OUT\n${finishScript(profile)}`), 0);
  assert.equal(stage.read("made/one"), "one\n");
  assert.ok(stage.has("made/three"));
  assert.equal(stage.read("var/tmp/everboot/failed"), "late command 2 failed with exit code 3\n");
});
