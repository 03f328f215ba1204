import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { encodeCpio } from "../../../src/wire/cpio.ts";

const noCpio = spawnSync("cpio", ["--version"]).error ? "needs the program cpio" : false;

const FILES = [
  { path: "preseed.cfg", mode: 0o644, content: "d-i a/b string ü\n" },
  { path: "everboot/report", mode: 0o755, content: "#!/bin/sh\n" },
  { path: "everboot/target/etc/empty", mode: 0o600, content: "" },
  { path: "everboot/keys.gpg", mode: 0o644, content: Uint8Array.of(0, 255, 10, 13) },
];

test("an empty archive is the trailer alone, as the kernel's documentation has it", () => {
  const text = Buffer.from(encodeCpio([])).toString("latin1");
  const zero = "00000000";
  const links = "00000001";
  const nameSize = "0000000b";
  assert.equal(text, `070701${zero.repeat(4)}${links}${zero.repeat(6)}${nameSize}${zero}TRAILER!!!\0\0\0\0`);
});

test("the same files give the same bytes", () => {
  assert.deepEqual(encodeCpio(FILES), encodeCpio(FILES));
});

test("cpio lists files in their order and each folder once, before what is in it", { skip: noCpio }, () => {
  const listed = spawnSync("cpio", ["-t", "--quiet"], { input: encodeCpio(FILES), encoding: "utf8" });
  assert.equal(listed.stderr, "");
  assert.deepEqual(listed.stdout.trim().split("\n"), [
    "preseed.cfg",
    "everboot",
    "everboot/report",
    "everboot/target",
    "everboot/target/etc",
    "everboot/target/etc/empty",
    "everboot/keys.gpg",
  ]);
});

test("cpio unpacks every file with its bytes and mode, and 1970 as its time", { skip: noCpio }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), "everboot-cpio-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const unpacked = spawnSync("cpio", ["-i", "-m", "--quiet", "--make-directories", "-D", folder], {
    input: encodeCpio(FILES),
    encoding: "utf8",
  });
  assert.equal(unpacked.stderr, "");
  for (const { path, mode, content } of FILES) {
    const status = statSync(join(folder, path));
    assert.deepEqual(readFileSync(join(folder, path)), Buffer.from(content as Uint8Array), path);
    assert.equal(status.mode & 0o7777, mode, path);
    assert.equal(status.mtimeMs, 0, path);
  }
});

test("its gzip member can follow another one: the whole unpacks to both archives", () => {
  const first = encodeCpio([{ path: "a", mode: 0o644, content: "old" }]);
  const second = encodeCpio([{ path: "a", mode: 0o644, content: "new" }]);
  const initrd = Buffer.concat([gzipSync(first), gzipSync(second)]);
  assert.deepEqual(gunzipSync(initrd), Buffer.concat([first, second]));
});
