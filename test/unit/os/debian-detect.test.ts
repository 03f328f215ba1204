import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { detectDebian } from "../../../src/os/debian-detect.ts";
import type { TreeFiles } from "../../../src/os/family.ts";

const TREES = join(dirname(fileURLToPath(import.meta.url)), "../../fixtures/trees/debian");

/** A listing, a path on each line; after it the texts of some files, each under a line `== <path>`. */
function treeFiles(name: string): TreeFiles {
  const [listing = "", ...sections] = readFileSync(join(TREES, `${name}.txt`), "utf8").split(/^== /m);
  const texts = new Map(sections.map((text) => [text.split("\n")[0] ?? "", text.slice(text.indexOf("\n") + 1)]));
  const paths = [...listing.trim().split("\n"), ...texts.keys()];
  const below = (folder: string) => (folder === "" ? paths : inside(paths, folder));
  return {
    has: (path) => paths.includes(path) || below(path).length > 0,
    names: (folder) => [...new Set(below(folder).map((path) => path.split("/")[0] ?? ""))].sort(),
    text: (path) => texts.get(path),
  };
}

function inside(paths: readonly string[], folder: string): string[] {
  return paths.filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1));
}

const FOUND: Readonly<Record<string, ReturnType<typeof detectDebian>>> = {
  mirror: { release: "bookworm", arch: "amd64", product: "Debian 12.12 (bookworm)" },
  "netinst-12.5.0-arm64": { release: "bookworm", arch: "arm64", product: "Debian 12.5 (bookworm)" },
  "netboot-13-amd64": { release: "trixie", arch: "amd64", product: "Debian 13 (trixie) netboot" },
  sid: { release: "sid", arch: "amd64", product: "Debian sid" },
  "ubuntu-mirror": undefined,
  "security-mirror": undefined,
};

for (const [name, expected] of Object.entries(FOUND)) {
  test(`${name}: ${expected?.product ?? "no tree of the family"}`, () => {
    assert.deepEqual(detectDebian(treeFiles(name)), expected);
  });
}

test("a netboot image in a folder of its own is found too", () => {
  const files = treeFiles("netboot-13-amd64");
  const moved: TreeFiles = {
    has: () => false,
    names: (folder) => (folder.startsWith("netboot/") ? files.names(folder.slice(8)) : []),
    text: (path) => (path.startsWith("netboot/") ? files.text(path.slice(8)) : undefined),
  };
  assert.equal(detectDebian(moved)?.release, "trixie");
});
