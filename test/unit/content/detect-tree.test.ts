/** Real media (test/fixtures/trees) as folders on the disk: each is its own family's, and nobody else's. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import {
  detectTree,
  differingKey,
  folderFiles,
  LOOKED_FOR,
  MOST_TEXT,
  realPathInside,
} from "../../../src/content/detect-tree.ts";
import { agama } from "../../../src/os/agama.ts";
import { debian } from "../../../src/os/debian.ts";
import { redhat } from "../../../src/os/redhat.ts";
import { suse } from "../../../src/os/suse.ts";
import { ubuntu } from "../../../src/os/ubuntu.ts";
import { FAMILIES } from "../../../src/registry.ts";

const TREES = join(import.meta.dirname, "../../fixtures/trees");
const ALL = new Map([debian, redhat, suse, agama, ubuntu].map((family) => [family.name, family]));
/** Media of nobody, which look like those of the family in whose folder they are. */
const NOBODYS = /\/(not-.*|security-mirror|ubuntu-mirror|desktop-.*)$/;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "everboot-test-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Text by path. A listing is one path on each line, with its text behind a colon or below a line `== <path>`. */
function filesOf(fixture: string): ReadonlyMap<string, string> {
  const path = join(TREES, fixture);
  if (existsSync(`${path}.txt`)) return parseListing(readFileSync(`${path}.txt`, "utf8"));
  const files = new Map(parseListing(readFileSync(join(path, "listing.txt"), "utf8")));
  for (const name of ["treeinfo", "discinfo"].filter((each) => existsSync(join(path, `${each}.txt`)))) {
    files.set(`.${name}`, readFileSync(join(path, `${name}.txt`), "utf8"));
  }
  return files;
}

function parseListing(text: string): ReadonlyMap<string, string> {
  const [list = "", ...sections] = text.split(/^== /m);
  const lines = list.trim().split("\n");
  return new Map([
    ...lines.map((line) => /^(.+?)(?:: (.*))?$/.exec(line)?.slice(1)).map(([path = "", own = ""] = []) => [path, own]),
    ...sections.map((section) => [section.split("\n")[0] ?? "", section.slice(section.indexOf("\n") + 1)]),
  ] as [string, string][]);
}

function layOut(files: ReadonlyMap<string, string>, root: string): void {
  for (const [path, text] of [...files].sort(([a], [b]) => b.length - a.length)) {
    const target = join(root, path);
    mkdirSync(dirname(target), { recursive: true });
    if (!statSync(target, { throwIfNoEntry: false })?.isDirectory()) writeFileSync(target, text);
  }
}

const FIXTURES = readdirSync(TREES).flatMap((family) =>
  readdirSync(join(TREES, family)).map((name) => `${family}/${name.replace(/\.txt$/, "")}`),
);

test("there are fixtures of every family", () => {
  assert.deepEqual([...new Set(FIXTURES.map(dirname))].sort(), [...ALL.keys()].sort());
});

for (const fixture of FIXTURES) {
  const owner = NOBODYS.test(fixture) ? undefined : dirname(fixture);
  test(`${fixture} is of ${owner ?? "no family"}`, () => {
    layOut(filesOf(fixture), folder);
    const files = folderFiles(folder);
    const claims = [...ALL.values()].filter((family) => family.detect(files) !== undefined);
    assert.deepEqual(
      claims.map(({ name }) => name),
      owner === undefined ? [] : [owner],
    );
    const found = detectTree(files, ALL);
    assert.equal(found?.family, owner);
    if (found) assert.equal(differingKey(found, found, files), undefined);
  });
}

test("of two families that claim a folder, the declared one has it, else the first", () => {
  layOut(new Map([...filesOf("redhat/rocky-9.6"), ...filesOf("suse/leap-15.6")]), folder);
  const files = folderFiles(folder);
  const pair = ({ family, others }: { family?: string; others?: readonly string[] } = {}) => [family, others];
  assert.deepEqual(pair(detectTree(files, ALL)), ["redhat", ["suse"]]);
  assert.deepEqual(pair(detectTree(files, ALL, "suse")), ["suse", ["redhat"]]);
  assert.deepEqual(pair(detectTree(files, ALL, "debian")), ["redhat", ["suse"]]);
  assert.deepEqual(pair(detectTree(files, new Map([...ALL].reverse()))), ["suse", ["redhat"]]);
});

test("a release stands for all below it, and no other", () => {
  const files = folderFiles(folder);
  const found = { family: "redhat", release: "9.6", arch: "amd64", product: "Rocky Linux 9.6", others: [] };
  const differing = (tree: object) => differingKey({ ...found, ...tree }, found, files);
  for (const release of ["9", "9.6"]) assert.equal(differing({ release }), undefined);
  for (const release of ["8", "9.5", "9.60", "9.6.1", "90"]) assert.equal(differing({ release }), "release");
  assert.equal(differing({ family: "suse", release: "15.6" }), "family");
  assert.equal(differing({ arch: "arm64" }), "arch");
});

test("a Debian archive is all releases that it has, under all their names", async () => {
  layOut(filesOf("debian/mirror"), folder);
  await symlink("bookworm", join(folder, "dists/our-own"));
  const files = folderFiles(folder);
  const found = detectTree(files, ALL);
  assert.ok(found);
  const differing = (release: string) => differingKey({ family: "debian", release, arch: "arm64" }, found, files);
  for (const release of ["bookworm", "bullseye", "our-own"]) assert.equal(differing(release), undefined);
  assert.equal(differing("trixie"), "release");
});

test("Debian's netboot images are of their own release, and of those that have none", () => {
  layOut(filesOf("debian/netboot-13-amd64"), folder);
  const files = folderFiles(folder);
  const found = detectTree(files, ALL);
  assert.ok(found);
  const differing = (release: string) => differingKey({ family: "debian", release, arch: "amd64" }, found, files);
  for (const release of ["trixie", "testing", "sid"]) assert.equal(differing(release), undefined);
  assert.equal(differing("bookworm"), "release");
});

test("what was looked for names every family", () => {
  for (const family of FAMILIES.keys()) assert.match(LOOKED_FOR, new RegExp(`\\(${family}\\)`));
});

test("nothing outside of the folder is seen, and links inside of it are followed", async () => {
  await mkdir(join(folder, "tree/sub"), { recursive: true });
  await writeFile(join(folder, "secret"), "secret");
  await writeFile(join(folder, "tree/sub/b"), "b");
  await symlink("../secret", join(folder, "tree/leaves"));
  await symlink("..", join(folder, "tree/up"));
  await symlink("sub/b", join(folder, "tree/a"));
  await symlink("circle", join(folder, "tree/circle"));
  const files = folderFiles(join(folder, "tree"));
  for (const path of [
    "leaves",
    "up",
    "up/secret",
    "../secret",
    "/etc/passwd",
    "circle",
    "none",
    "sub/b/c",
    "sub/../a",
  ]) {
    assert.deepEqual([files.has(path), files.text(path), files.names(path)], [false, undefined, []], path);
  }
  assert.deepEqual([files.has("a"), files.text("a"), files.names("a")], [true, "b", []]);
  assert.deepEqual([files.has("sub"), files.text("sub"), files.names("sub")], [true, undefined, ["b"]]);
  assert.deepEqual(files.names(""), ["a", "circle", "leaves", "sub", "up"]);
  assert.equal(realPathInside(join(folder, "none"), ""), undefined);
});

test("of a long text the beginning is read", async () => {
  await writeFile(join(folder, "Release"), `Origin: Debian\n${"x".repeat(2 * MOST_TEXT)}`);
  assert.equal(folderFiles(folder).text("Release")?.length, MOST_TEXT);
});
