import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type CpioFile, encodeCpio } from "../../src/wire/cpio.ts";

interface Member {
  readonly path: string;
  readonly mode: number;
  readonly inode: number;
  readonly content: Uint8Array;
}

/** A reader of its own, written from the format's description: offsets are from the start of a 110 byte header. */
function decode(archive: Uint8Array): Member[] {
  const bytes = Buffer.from(archive);
  const aligned = (offset: number) => Math.ceil(offset / 4) * 4;
  const members: Member[] = [];
  let start = 0;
  for (;;) {
    assert.equal(bytes.toString("latin1", start, start + 6), "070701");
    const number = (index: number) =>
      Number.parseInt(bytes.toString("latin1", start + 6 + 8 * index, start + 14 + 8 * index), 16);
    const [inode, mode, size, nameSize] = [number(0), number(1), number(6), number(11)];
    const path = bytes.toString("utf8", start + 110, start + 110 + nameSize - 1);
    assert.equal(bytes[start + 110 + nameSize - 1], 0, "a name ends with NUL");
    const content = aligned(start + 110 + nameSize);
    start = aligned(content + size);
    if (path === "TRAILER!!!") {
      assert.equal(start, bytes.length, "nothing follows the trailer");
      return members;
    }
    members.push({ path, mode, inode, content: Uint8Array.from(bytes.subarray(content, content + size)) });
  }
}

const part = fc.stringMatching(/^[A-Za-z0-9._ü-]{1,12}$/).filter((text) => text !== "." && text !== "..");
const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
const content = fc.uint8Array({ maxLength: 300 });
const mode = fc.integer({ min: 0, max: 0o7777 });
const files: fc.Arbitrary<CpioFile[]> = fc.array(fc.record({ path, mode, content }), { maxLength: 12 });

test("what is read back are the files, in their order", () => {
  fc.assert(
    fc.property(files, (wanted) => {
      const found = decode(encodeCpio(wanted)).filter((member) => member.mode >= 0o100000);
      assert.deepEqual(
        found.map((member) => ({ path: member.path, mode: member.mode & 0o7777, content: member.content })),
        wanted.map((file) => ({ ...file, content: Uint8Array.from(file.content as Uint8Array) })),
      );
    }),
  );
});

test("every folder above a file comes before it, once, and inodes are counted from 1", () => {
  fc.assert(
    fc.property(files, (wanted) => {
      const members = decode(encodeCpio(wanted));
      const seen = new Set<string>();
      for (const [index, member] of members.entries()) {
        assert.equal(member.inode, index + 1);
        const folder = member.path.split("/").slice(0, -1).join("/");
        if (folder !== "") assert.ok(seen.has(folder), `${folder} is missing`);
        if (member.mode >= 0o100000) continue;
        assert.ok(!seen.has(member.path), `${member.path} comes twice`);
        seen.add(member.path);
      }
    }),
  );
});
