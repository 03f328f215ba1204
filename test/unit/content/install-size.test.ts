import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { InstallSizes } from "../../../src/content/install-size.ts";
import type { Host, Profile, Tree } from "../../../src/site/model.ts";
import { exampleSite } from "../../support/sites.ts";

const LIST = `Package: libc6
Priority: optional

Package: bash
Priority: required
Depends: libc6

Package: apt
Priority: important
Depends: libc6
Recommends: ca-certificates

Package: ca-certificates

Package: nano
Priority: important

Package: linux-image-amd64
Depends: initramfs-tools

Package: initramfs-tools
Recommends: busybox-extras

Package: busybox-extras

Package: ifenslave

Package: iproute2

Package: git
Recommends: less

Package: less

Package: lvm2

Package: openssh-server
`;

async function world(t: TestContext, list: Uint8Array | string = LIST, ending = "") {
  const root = await mkdtemp(join(tmpdir(), "everboot-size-"));
  t.after(() => rm(root, { recursive: true }));
  const folder = join(root, "dists/bookworm/main/binary-amd64");
  await mkdir(folder, { recursive: true });
  const file = join(folder, `Packages${ending}`);
  await writeFile(file, list);
  const host = (changes: Partial<Profile> = {}, treeChanges: Partial<Tree> = {}): Host => {
    const { bond: _bond, ...vm1 } = exampleSite("single").hosts.get("vm1") ?? assert.fail();
    const tree = { name: "t", family: "debian", release: "bookworm", arch: "amd64", path: root, ...treeChanges };
    const { root: _account, kernel: _kernel, ...profile } = vm1.profile;
    const plain = { packages: [], users: [], ntp: [], minimal: false, recommends: false, ...changes };
    return { ...vm1, profile: { ...profile, disk: { layout: "plain", devices: [], keep: [] }, ...plain, tree } };
  };
  const sizes = new InstallSizes();
  const told = async (about: Host) => {
    sizes.packages(about);
    await sizes.idle();
    return sizes.packages(about);
  };
  return { root, file, host, sizes, told };
}

test("it is not known at once, and then at once", async (t) => {
  const { host, sizes } = await world(t);
  assert.equal(sizes.packages(host()), undefined);
  await sizes.idle();
  // bash libc6 apt nano, linux-image-amd64 initramfs-tools
  assert.equal(sizes.packages(host()), 6);
});

test("the base system is as the profile has it", async (t) => {
  const { host, told } = await world(t);
  assert.equal(await told(host({ minimal: true })), 6, "iproute2 in place of nano");
  const bond = [...exampleSite("pair").hosts.values()].find((each) => each.bond)?.bond ?? assert.fail();
  assert.equal(await told({ ...host(), bond }), 7, "and ifenslave");
});

test("what apt adds brings what it recommends, what debootstrap brings does not", async (t) => {
  const { host, told } = await world(t);
  assert.equal(await told(host({ packages: ["git"] })), 7);
  assert.equal(await told(host({ packages: ["git"], recommends: true })), 9, "less and busybox-extras");
  assert.equal(await told(host({ packages: ["git", "bash", "no-such-package"] })), 7);
});

test("settings of a profile have packages of their own", async (t) => {
  const { host, told } = await world(t);
  assert.equal(await told(host({ kernel: "nano" })), 5);
  assert.equal(await told(host({ disk: { layout: "lvm", devices: [], keep: [] } })), 7);
  assert.equal(await told(host({ root: { sshKeys: ["ssh-ed25519 A"] } })), 7);
});

test("a list that was replaced is read again, and the old size told until then", async (t) => {
  const { file, host, sizes, told } = await world(t);
  assert.equal(await told(host()), 6);
  await writeFile(`${file}.new`, `${LIST}\nPackage: sed\nPriority: required\n`);
  await rename(`${file}.new`, file);
  assert.equal(sizes.packages(host()), 6);
  await sizes.idle();
  assert.equal(sizes.packages(host()), 7);
  await rm(file);
  assert.equal(await told(host()), undefined);
});

test("an install that was handed a version counts by that one's list", async (t) => {
  const { root, host, sizes, told } = await world(t);
  assert.equal(await told(host()), 6);
  const folder = join(root, ".everboot-versions/3f9c0a51b2d4/dists/bookworm/main/binary-amd64");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "Packages"), `${LIST}\nPackage: sed\nPriority: required\n`);
  assert.equal(sizes.packages(host(), "3f9c0a51b2d4"), undefined);
  await sizes.idle();
  assert.equal(sizes.packages(host(), "3f9c0a51b2d4"), 7);
  assert.equal(sizes.packages(host()), 6);
  sizes.packages(host(), "0123456789ab");
  await sizes.idle();
  assert.equal(sizes.packages(host(), "0123456789ab"), undefined, "no such version");
});

test("a compressed list is as good", async (t) => {
  const { host, told } = await world(t, gzipSync(LIST), ".gz");
  assert.equal(await told(host()), 6);
});

test("without a list that can be read there is no size, and no error", async (t) => {
  const { host, told } = await world(t, "no gzip", ".gz");
  assert.equal(await told(host()), undefined);
  assert.equal(await told(host({}, { release: "trixie" })), undefined);
  assert.equal(await told(host({}, { path: "/nonexistent" })), undefined);
  assert.equal(await told(host({}, { family: "redhat" })), undefined);
  const { host: mirrored, told: ofMirror } = await world(t);
  assert.equal(await ofMirror(mirrored({}, { upstream: "http://mirror.example/debian" })), undefined);
});
