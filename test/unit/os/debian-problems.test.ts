import assert from "node:assert/strict";
import { test } from "node:test";
import { debian } from "../../../src/os/debian.ts";
import type { Disk, Profile } from "../../../src/site/model.ts";
import { matrixHosts } from "../../support/bond-matrix.ts";
import { CASES, inputOf } from "./debian-cases.ts";

function problemsOf(profile: Partial<Profile>, release = "bookworm"): string {
  const { host } = inputOf({ ...CASES.minimal, release });
  return debian.problems({ ...host, profile: { ...host.profile, ...profile } }).join("\n");
}

const keeping = (layout: Disk["layout"], mount: string): Partial<Profile> => ({
  disk: { layout, devices: [], keep: [{ partition: 3, mount }] },
});

test("every bond, address and disk layout of the matrix can be installed", () => {
  for (const release of ["bullseye", "bookworm", "trixie"]) {
    for (const host of matrixHosts({ family: "debian", release })) assert.deepEqual(debian.problems(host), []);
  }
});

test("HTTP can carry packages to the Debian Installer, and FTP as long as apt knows it", () => {
  assert.match(problemsOf({ via: "nfs" }), /^profile tested: .* NFS: .*`via: http`/);
  assert.equal(problemsOf({ via: "ftp" }), "");
  assert.match(problemsOf({ via: "ftp" }, "trixie"), /^profile tested: .* FTP: .*`via: http`/);
});

test("LVM leaves nothing of a disk to keep", () => {
  assert.match(problemsOf(keeping("lvm", "/srv")), /^profile tested: .*`layout: plain`/);
  assert.equal(problemsOf(keeping("plain", "/srv")), "");
});

test("what the installer wants on the root file system is no mount point of a kept partition", () => {
  for (const mount of ["/etc", "/boot/efi"]) {
    assert.match(problemsOf(keeping("plain", mount)), new RegExp(`^profile tested: partition 3 .* on ${mount}: `));
  }
});

test("releases go by their code names, and old ones are not installed", () => {
  assert.match(problemsOf({}, "12"), /^tree debian-12: .*`release: bookworm`$/);
  assert.match(problemsOf({}, "13.1"), /`release: trixie`$/);
  assert.match(problemsOf({}, "10"), /Debian 10 is not supported/);
  assert.match(problemsOf({}, "buster"), /Debian 10 is not supported/);
  for (const release of ["bullseye", "trixie", "sid"]) assert.equal(problemsOf({}, release), "");
});
