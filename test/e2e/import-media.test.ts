/**
 * Media of each family, as ISO files: taken in, checked, and refused when damaged, while the old version is served whole.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { type ImportResult, importTree } from "../../src/content/import.ts";
import { verifyTree } from "../../src/content/manifest.ts";
import { SegmentReader } from "../../src/content/segments.ts";
import { currentVersion, listVersions, readVersionManifest, versionFolder } from "../../src/content/versions.ts";
import { versionedResolver } from "../../src/content/versions-resolver.ts";
import { familyOf } from "../../src/os/family.ts";
import { FAMILIES } from "../../src/registry.ts";
import type { Tree } from "../../src/site/model.ts";
import {
  flipped,
  isoObstacle,
  layOut,
  MEDIA,
  type Medium,
  type MediumKind,
  makeIso,
  signatureOf,
} from "./media-lab.ts";
import { Archive, archiveObstacle, SigningKey, tempFolder } from "./mirror-lab.ts";

let base: string;
const at = (path: string) => join(base, path);
const treeOf = (kind: MediumKind): Tree => ({ ...kind.tree, path: at("tree") });
const refusal = (reason: RegExp) => ({ code: "import-refused", message: reason });

beforeEach(async () => {
  base = await tempFolder();
});
afterEach(() => rm(base, { recursive: true }));

function sha256(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

/** The version that is served is whole, it is `id`, and nothing unfinished lies in the tree. */
async function assertServed(tree: Tree, id: string): Promise<void> {
  assert.equal(await currentVersion(tree.path), id);
  const manifest = await readVersionManifest(tree.path, id);
  assert.deepEqual(await verifyTree(versionFolder(tree.path, id), manifest), []);
  const own = (await readdir(tree.path)).filter((name) => name.startsWith(".everboot-"));
  assert.deepEqual(own.sort(), [".everboot-current", ".everboot-versions"]);
}

async function textOf(tree: Tree, id: string, path: string): Promise<string> {
  const found = await versionedResolver(tree.path).version(id)(path);
  assert.equal(found.kind, "file");
  if (found.kind !== "file") return "";
  const reader = new SegmentReader(found.file);
  try {
    return Buffer.from(await reader.read(0, found.file.size)).toString();
  } finally {
    await reader.close();
  }
}

for (const kind of MEDIA) {
  describe(`a medium of ${kind.tree.family}`, { skip: isoObstacle() }, () => {
    const taken = async (medium: Medium): Promise<ImportResult> => {
      const iso = await makeIso(medium, at("medium.iso"));
      return importTree(iso, treeOf(kind), FAMILIES).finally(() => rm(iso));
    };

    test("is taken in, checked by its own lists, and can be installed from", async () => {
      const { version, checked } = await taken(kind.make("one"));
      const tree = treeOf(kind);
      await assertServed(tree, version);
      assert.ok(checked >= 3, `${checked} files checked`);
      if (tree.family === "debian") return;
      const { lookup } = versionedResolver(tree.path);
      const starts = familyOf(FAMILIES, tree).bootFiles(tree);
      const found = await Promise.all(starts.map(async ({ kernel }) => (await lookup(kernel)).kind));
      assert.ok(found.includes("file"), starts.map(({ kernel }) => kernel).join());
    });

    test("with a flipped byte, or without a file, is refused, and the old version is served", async () => {
      const { version } = await taken(kind.make("one"));
      const spoiled = kind.make("two");
      spoiled.set(kind.listed, flipped(spoiled.get(kind.listed)));
      const wrong = new RegExp(`${kind.listed} is not what ${kind.list} says: the medium is damaged$`);
      await assert.rejects(taken(spoiled), refusal(wrong));
      await assertServed(treeOf(kind), version);
      spoiled.delete(kind.listed);
      await assert.rejects(taken(spoiled), refusal(new RegExp(`${kind.listed} is missing, which ${kind.list} lists$`)));
      await assertServed(treeOf(kind), version);
      assert.equal((await listVersions(treeOf(kind).path)).length, 1);
    });

    test("that is newer takes the older one's place; an install that runs keeps the older one", async () => {
      const tree = treeOf(kind);
      const older = await taken(kind.make("one"));
      const before = await textOf(tree, older.version, kind.listed);
      const newer = await taken(kind.make("two"));
      assert.equal(newer.before, older.version);
      await assertServed(tree, newer.version);
      assert.equal(await textOf(tree, older.version, kind.listed), before);
      assert.notEqual(await textOf(tree, newer.version, kind.listed), before);
    });
  });
}

describe("signatures", { skip: isoObstacle() ?? archiveObstacle() }, () => {
  let key: SigningKey;
  let stranger: SigningKey;
  before(async () => {
    key = await SigningKey.create();
    stranger = await SigningKey.create();
  });
  after(() => Promise.all([key.remove(), stranger.remove()]));

  const kindOf = (family: string): MediumKind => {
    const kind = MEDIA.find(({ tree }) => tree.family === family);
    assert.ok(kind);
    return kind;
  };

  test("of a medium's list: good, of a stranger, of another list", async () => {
    const kind = kindOf("suse");
    const tree = { ...treeOf(kind), keyring: key.keyring };
    const take = async (signer: SigningKey, signed?: string) => {
      const medium = kind.make("one");
      medium.set("CHECKSUMS.asc", await signatureOf(signer, signed ?? medium.get("CHECKSUMS") ?? ""));
      return importTree(await makeIso(medium, at("medium.iso")), tree, FAMILIES);
    };
    const { notes, version } = await take(key);
    assert.deepEqual(notes, [`CHECKSUMS: signed by a key of ${key.keyring}`]);
    await assert.rejects(take(stranger), refusal(/CHECKSUMS: the signature is not good: no valid signature .*keyring/));
    await assert.rejects(take(key, "another"), refusal(/CHECKSUMS: the signature is not good: gpgv says BADSIG/));
    await assertServed(tree, version);
  });

  test("that no keyring is there for is told", async () => {
    const kind = kindOf("suse");
    const medium = kind.make("one");
    medium.set("CHECKSUMS.asc", await signatureOf(key, medium.get("CHECKSUMS") ?? ""));
    const { notes } = await importTree(await makeIso(medium, at("medium.iso")), treeOf(kind), FAMILIES);
    assert.match(notes.join(), /^CHECKSUMS: its signature is not checked: no keyring is here: name one as `keyring`/);
  });

  test("of what is published beside an ISO file", async () => {
    const kind = kindOf("ubuntu");
    const tree = { ...treeOf(kind), keyring: key.keyring };
    const iso = await makeIso(kind.make("one"), at("noble.iso"));
    const sums = `${sha256(await readFile(iso))} *noble.iso\n`;
    await writeFile(at("SHA256SUMS"), sums);
    await writeFile(at("SHA256SUMS.gpg"), await signatureOf(key, sums));
    const { notes, version } = await importTree(iso, tree, FAMILIES);
    assert.deepEqual(notes.slice(0, 2), [
      `SHA256SUMS: signed by a key of ${key.keyring}`,
      "the ISO file is what SHA256SUMS beside it says",
    ]);
    await writeFile(iso, flipped(await readFile(iso)));
    await assert.rejects(importTree(iso, tree, FAMILIES), refusal(/noble\.iso is not what SHA256SUMS beside it says/));
    await writeFile(at("SHA256SUMS"), `${sums}\n`);
    await assert.rejects(importTree(iso, tree, FAMILIES), refusal(/SHA256SUMS: the signature is not good: .*BADSIG/));
    await assertServed(tree, version);
  });

  test("of a Debian archive: its indices and packages are what it signs", async () => {
    const tree: Tree = { ...treeOf(kindOf("debian")), keyring: key.keyring };
    const archive = await Archive.create();
    try {
      const path = await archive.addPackage("one", "1");
      await archive.addPackage("two", "1", { udeb: true });
      await archive.publish(key, 1_700_000_000);
      const { version, checked, files, notes } = await importTree(archive.root, tree, FAMILIES);
      assert.deepEqual(notes, [
        `dists/bookworm/InRelease: signed by a key of ${key.keyring}`,
        `dists/bookworm/Release: signed by a key of ${key.keyring}`,
      ]);
      assert.equal(checked, files.length - 3, "all but InRelease, Release and Release.gpg");
      const refused = async (damaged: string, reason: RegExp) => {
        const whole = await archive.read(damaged);
        await writeFile(archive.path(damaged), flipped(whole));
        await assert.rejects(importTree(archive.root, tree, FAMILIES), refusal(reason));
        await writeFile(archive.path(damaged), whole);
        await assertServed(tree, version);
      };
      await refused(path, /one_1_amd64\.deb is not what dists\/bookworm\/main\/binary-amd64\/Packages\.gz says/);
      const index = "dists/bookworm/main/debian-installer/binary-amd64/Packages";
      await refused(index, /debian-installer\/binary-amd64\/Packages is not what dists\/bookworm\/InRelease says/);
      await refused("dists/bookworm/InRelease", /InRelease: the signature is not good: gpgv says/);
      await refused("dists/bookworm/Release", /bookworm\/Release: the signature is not good: gpgv says BADSIG/);
      await rm(archive.path(path));
      const partial = await importTree(archive.root, tree, FAMILIES, { replace: true });
      assert.match(partial.notes.at(-1) ?? "", /bookworm: 1 of the packages that it lists are not there/);
    } finally {
      await archive.remove();
    }
  });
});

test("netboot images are held against the list above them", async () => {
  const kind = MEDIA.find(({ tree }) => tree.family === "debian");
  assert.ok(kind);
  const images: Medium = new Map([
    ["netboot/debian-installer/amd64/linux", "kernel"],
    ["netboot/debian-installer/amd64/initrd.gz", "initrd"],
  ]);
  const sums = [...images].map(([path, text]) => `${sha256(text)}  ./${path}\n`);
  await layOut(new Map([...images, ["SHA256SUMS", sums.join("")]]), at("images"));
  assert.equal((await importTree(at("images/netboot"), treeOf(kind), FAMILIES)).checked, 2);
  await writeFile(at("images/netboot/debian-installer/amd64/initrd.gz"), "other");
  const wrong = refusal(/netboot\/initrd\.gz is not what SHA256SUMS says: the medium is damaged/);
  await assert.rejects(importTree(at("images/netboot"), treeOf(kind), FAMILIES), wrong);
});

/** Its length is the tag. */
function sendPart(bytes: Buffer, { headers }: IncomingMessage, response: ServerResponse, most: number): void {
  const etag = `"${bytes.length}"`;
  const asked = /^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1];
  const start = headers["if-range"] === etag ? Number(asked) : 0;
  const rest = bytes.subarray(start);
  const range = start > 0 ? { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {};
  response.writeHead(start > 0 ? 206 : 200, { etag, "content-length": rest.length, ...range });
  if (rest.length <= most) response.end(rest);
  else response.write(rest.subarray(0, most), () => response.destroy());
}

describe("a download", { skip: isoObstacle() }, () => {
  const kind = MEDIA[0] as MediumKind;

  /** Breaks each answer off after `most` bytes of the file; the ranges that were asked for are kept. */
  async function serve(files: ReadonlyMap<string, Buffer>, most: number) {
    const ranges: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      const bytes = files.get((request.url ?? "").slice(1));
      if (bytes === undefined) return response.writeHead(404).end();
      ranges.push(request.headers.range);
      return sendPart(bytes, request, response, most);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/medium.iso`;
    return { url, ranges, close: () => new Promise((resolve) => server.close(resolve)) };
  }

  test("that breaks off goes on where it ended, at once and in a later run, and is removed when it is taken in", async () => {
    const iso = await readFile(await makeIso(kind.make("one"), at("medium.iso")));
    const most = 1 << 20;
    const { url, ranges, close } = await serve(new Map([["medium.iso", iso]]), most);
    const tree = treeOf(kind);
    try {
      const once: Promise<unknown> = importTree(url, tree, FAMILIES, { retryDelays: [] });
      await assert.rejects(once, refusal(/the download broke off \(.*\): run it again, it goes on from there$/));
      assert.deepEqual(ranges, [undefined]);
      const seen: number[] = [];
      const { version } = await importTree(url, tree, FAMILIES, {
        retryDelays: [1, 1],
        onProgress: ({ step, done, total }) => {
          if (step === "download") seen.push(done / (total ?? 0));
        },
      });
      await assertServed(tree, version);
      assert.deepEqual(ranges[1], `bytes=${most}-`);
      assert.ok(ranges.length >= 1 + Math.floor(iso.length / most));
      assert.ok(seen[0] !== undefined && seen[0] > most / iso.length && seen.at(-1) === 1);
    } finally {
      await close();
    }
  });

  test("of a file that is another one meanwhile begins anew", async () => {
    const [one, two] = await Promise.all(
      ["one", "another build"].map(async (build) => readFile(await makeIso(kind.make(build), at(`${build}.iso`)))),
    );
    const files = new Map([["medium.iso", one as Buffer]]);
    const { url, close } = await serve(files, 2 << 20);
    const tree = treeOf(kind);
    try {
      await assert.rejects(importTree(url, tree, FAMILIES, { retryDelays: [] }), refusal(/broke off/));
      files.set("medium.iso", Buffer.concat([two as Buffer, Buffer.alloc(2048)]));
      const { version } = await importTree(url, tree, FAMILIES, { retryDelays: [1, 1] });
      assert.equal(await textOf(tree, version, "images/pxeboot/vmlinuz"), "kernel another build");
    } finally {
      await close();
    }
  });

  test("is held against the list that is published beside it", async () => {
    const iso = await readFile(await makeIso(kind.make("one"), at("medium.iso")));
    const sums = Buffer.from(`SHA256 (medium.iso) = ${"0".repeat(64)}\n`);
    const { url, close } = await serve(
      new Map([
        ["medium.iso", iso],
        ["CHECKSUM", sums],
      ]),
      iso.length,
    );
    try {
      const wrong = refusal(/medium\.iso is not what CHECKSUM beside it says: it is damaged, get it anew$/);
      await assert.rejects(importTree(url, treeOf(kind), FAMILIES, { retryDelays: [] }), wrong);
    } finally {
      await close();
    }
  });

  test("of what is not there is refused at once", async () => {
    const { url, close } = await serve(new Map(), 0);
    try {
      await assert.rejects(
        importTree(url, treeOf(kind), FAMILIES, { retryDelays: [1] }),
        refusal(/cannot be downloaded: the server says 404$/),
      );
    } finally {
      await close();
    }
  });
});
