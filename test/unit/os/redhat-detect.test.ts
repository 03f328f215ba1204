/** Trees by the files of real media, cut to what matters (test/fixtures/trees/redhat). */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { DetectedTree, TreeFiles } from "../../../src/os/family.ts";
import { redhat } from "../../../src/os/redhat.ts";

const FIXTURES = fileURLToPath(new URL("../../fixtures/trees/redhat/", import.meta.url));

function treeOf(name: string): TreeFiles {
  const read = (file: string) => {
    const path = `${FIXTURES}${name}/${file}.txt`;
    return existsSync(path) ? readFileSync(path, "utf8") : undefined;
  };
  const listing = (read("listing") ?? "").split("\n").filter((line) => line !== "");
  const texts: Readonly<Record<string, string | undefined>> = {
    ".treeinfo": read("treeinfo"),
    ".discinfo": read("discinfo"),
  };
  return {
    has: (path) => listing.some((file) => file === path || file.startsWith(`${path}/`)),
    names: () => listing,
    text: (path) => texts[path],
  };
}

const tree = (release: string, product: string, arch = "amd64"): DetectedTree => ({ release, arch, product });
const EXPECTED: Readonly<Record<string, DetectedTree | undefined>> = {
  "alma-9": tree("9", "AlmaLinux 9"),
  "centos-7-by-discinfo": tree("7.9", "Enterprise Linux 7.9"),
  "fedora-42": tree("42", "Fedora 42"),
  "fedora-42-by-discinfo": tree("42", "Fedora 42"),
  "not-opensuse-leap": undefined,
  "not-without-kernel": undefined,
  "oracle-8.10": tree("8.10", "Oracle Linux 8.10"),
  "rhel-10.0-arm": tree("10.0", "Red Hat Enterprise Linux 10.0", "arm64"),
  "rhel-7.9": tree("7.9", "Red Hat Enterprise Linux 7.9"),
  "rhel-8.2": tree("8.2", "Red Hat Enterprise Linux 8.2"),
  "rhel-9.4": tree("9.4", "Red Hat Enterprise Linux 9.4"),
  "rocky-9.6": tree("9.6", "Rocky Linux 9.6"),
};

test("every fixture is expected to be something", () => {
  assert.deepEqual(readdirSync(FIXTURES).toSorted(), Object.keys(EXPECTED));
});

for (const [name, expected] of Object.entries(EXPECTED)) {
  test(`${name}: ${expected?.product ?? "no tree of this family"}`, () => {
    assert.deepEqual(redhat.detect(treeOf(name)), expected);
  });
}

test("an empty folder, and one with files that are not what they are called, is no tree", () => {
  const folder = (text: string | undefined): TreeFiles => ({ has: () => true, names: () => [], text: () => text });
  for (const text of [undefined, "", "\0\x01", "[general]", "1\n2\n3\n", "version = 9\n"]) {
    assert.equal(redhat.detect(folder(text)), undefined);
  }
});
