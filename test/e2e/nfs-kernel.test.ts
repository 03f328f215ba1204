/**
 * Linux's own NFS client, in a virtual machine, reads a tree while its server dies and another one takes the address.
 * EVERBOOT_LAB=nfs, some minutes emulated. docs/nfs.md gets what it tells.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { prepareBondGuest } from "../../lab/bond-guest/image.ts";
import { type BondGuest, startBondGuest } from "../../lab/bond-guest.ts";
import { prepareMirror } from "../../lab/mirror.ts";
import { packageObstacle } from "../../lab/prerequisites.ts";
import type { CpioFile } from "../../src/wire/cpio.ts";
import { type Disk, FLOATING, NfsRack, nfsRackObstacle } from "./nfs-rack.ts";

const skip =
  process.env.EVERBOOT_LAB === "nfs"
    ? nfsRackObstacle() || (packageObstacle("machines", "installer", "mirror") ?? false)
    : "long: set EVERBOOT_LAB=nfs";
const NIC = { name: "eth0", mac: "52:54:00:00:00:21", link: { bridge: "lan" } };
const MIB = 1 << 20;

let rack: NfsRack;
let guest: BondGuest;

before(async () => {
  if (skip) return;
  rack = await NfsRack.open("nfk");
  const [image, files] = [await prepareBondGuest(), await nfsModules()];
  guest = await startBondGuest({
    space: rack.lab.fabric,
    name: "nfk",
    image,
    nics: [NIC],
    files,
    logDirectory: rack.folder,
  });
  await guest.run(`ip link set ${NIC.name} up && ip addr add 10.77.0.120/24 dev ${NIC.name}`);
  await guest.run("mkdir -p /mnt && mkfifo /tmp/go");
});

afterEach(async () => {
  if (skip) return;
  await guest.run("umount -f -l /mnt; rm -f /tmp/first /tmp/rest /tmp/code");
  await rack.clear();
});

after(async () => {
  if (skip) return;
  await guest.stop();
  await rack.close();
});

/** Of the guest's kernel: its image has none of NFS. */
async function nfsModules(): Promise<CpioFile[]> {
  const pool = join((await prepareMirror({})).folder, "pool/deb");
  const folder = mkdtempSync(join(tmpdir(), "everboot-modules-"));
  try {
    execFileSync("dpkg-deb", ["-x", globSync(`${pool}/linux-image-[0-9]*.deb`)[0] ?? "", folder]);
    const wanted = "lib/modules/*/kernel/{fs/{nfs,lockd,nfs_common,fscache,netfs},net/{sunrpc,dns_resolver}}/*.ko*";
    return globSync(wanted, { cwd: folder }).map((path) => ({
      ...{ path, mode: 0o644 },
      content: readFileSync(join(folder, path)),
    }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Reads a MiB, and the rest when it is told to; its exit code comes last. */
const READER = [
  `(dd of=/tmp/first bs=${MIB} count=1 2>/dev/null; read go </tmp/go; cat >/tmp/rest; echo $? >/tmp/code)`,
  "</mnt/big >/dev/null 2>&1 &",
].join(" ");

async function readWhile(disk: Disk, version: string, what: () => Promise<void>) {
  await rack.started(0, [rack.tree(0, disk)]);
  await rack.take(0);
  await guest.run(`mount -t nfs -o vers=${version},proto=tcp,nolock ${FLOATING}:/trees/debian-12 /mnt`);
  await guest.run(`${READER} while [ "$(stat -c %s /tmp/first)" != ${MIB} ]; do sleep 0.1; done`);
  const began = Date.now();
  await what();
  const code = (await guest.run("echo >/tmp/go; while [ ! -s /tmp/code ]; do sleep 0.1; done; cat /tmp/code")).trim();
  const ms = Date.now() - began;
  const bytes = Number(await guest.run("cat /tmp/first /tmp/rest | wc -c"));
  const [hash = ""] = (await guest.run("cat /tmp/first /tmp/rest | sha256sum")).split(" ");
  assert.equal(hash, createHash("sha256").update(rack.content.subarray(0, bytes)).digest("hex"), "other bytes");
  return {
    isWhole: code === "0" && bytes === rack.content.length,
    told: `exit code ${code}, ${bytes} bytes, ${ms} ms`,
  };
}

async function moveAddress(disk: Disk): Promise<void> {
  const heir = await rack.started(1, [rack.tree(1, disk)]);
  const wake = await rack.connections();
  await rack.die(0);
  await rack.take(1);
  rack.order(heir, { wake });
}

for (const version of ["3", "4.2"]) {
  test(`version ${version}: the server's power goes, its heir has the same image`, { skip }, async (t) => {
    const { isWhole, told } = await readWhile("image", version, () => moveAddress("image"));
    t.diagnostic(told);
    assert.ok(isWhole, told);
  });

  test(`version ${version}: the server's power goes, its heir has other disks: an error, no other bytes`, {
    skip,
  }, async (t) => {
    const { isWhole, told } = await readWhile("own", version, () => moveAddress("own"));
    t.diagnostic(told);
    assert.ok(!isWhole, told);
  });
}
