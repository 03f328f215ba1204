/** The small languages of FTP: paths, endpoints, replies, listings. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { epsvText, parseEprt, parsePort, pasvText } from "../../../../src/server/ftp/endpoint.ts";
import { FACTS, factsLine, listLine } from "../../../../src/server/ftp/listing.ts";
import { resolvePath } from "../../../../src/server/ftp/path.ts";
import { errorReply, formatReply, reply } from "../../../../src/server/ftp/reply.ts";

test("paths are seen from the folder, and go up by names alone", () => {
  const cases = [
    ["/", "a", "/a"],
    ["/a/b", "c/d", "/a/b/c/d"],
    ["/a/b", "/c", "/c"],
    ["/a/b", "..", "/a"],
    ["/a/b", "../../c//./d/", "/c/d"],
    ["/a", "", "/a"],
    ["/", "a b+~ü%2e", "/a b+~ü%2e"],
  ] as const;
  for (const [folder, name, path] of cases) assert.deepEqual(resolvePath(folder, name), { kind: "path", path }, name);
});

test("what climbs above the root is refused; control characters and backslashes are no names", () => {
  for (const name of ["..", "../x", "/..", "a/../../x", "/a/../../etc/passwd"]) {
    assert.equal(resolvePath("/", name).kind, "refused", name);
  }
  for (const name of ["a\0b", "a\rb", "..\\x", "a\u0085b", "x".repeat(2049)]) {
    assert.equal(resolvePath("/", name).kind, "malformed", JSON.stringify(name.slice(0, 9)));
  }
});

test("PORT and EPRT", () => {
  assert.deepEqual(parsePort("10,0,0,9,200,21"), { address: "10.0.0.9", port: 51_221 });
  for (const text of ["", "10,0,0,9,200", "10,0,0,256,200,21", "10,0,0,9,0,0", "10,0,0,9,-1,5", "10.0.0.9,200,21"]) {
    assert.equal(parsePort(text), undefined, text);
  }
  assert.deepEqual(parseEprt("|1|10.0.0.9|51221|"), { address: "10.0.0.9", port: 51_221 });
  assert.deepEqual(parseEprt("!1!10.0.0.9!51221!"), { address: "10.0.0.9", port: 51_221 });
  assert.equal(parseEprt("|2|2001:db8::9|51221|"), "family");
  for (const text of ["", "|1|10.0.0.9|51221", "|1|10.0.0|51221|", "|1|10.0.0.9|70000|", "|1|10.0.0.9|0|"]) {
    assert.equal(parseEprt(text), undefined, text);
  }
});

test("PASV and EPSV", () => {
  assert.equal(pasvText({ address: "10.0.0.253", port: 61_000 }), "Entering passive mode (10,0,0,253,238,72).");
  assert.equal(epsvText(61_000), "Entering extended passive mode (|||61000|)");
});

test("replies of one line, and of several, of which none looks like the last", () => {
  assert.equal(formatReply(reply(200, "Well.")), "200 Well.\r\n");
  const lines = formatReply(reply(211, "Features:", ["SIZE", "211 x"]));
  assert.equal(lines, "211-Features:\r\n SIZE\r\n 211 x\r\n211 End\r\n");
});

test("absent and refused are final, an outage is not", () => {
  const codes = (["file-absent", "file-refused", "folder-absent"] as const).map((code) => errorReply(code).code);
  assert.deepEqual(codes, [550, 550, 550]);
  assert.deepEqual(errorReply("store-unavailable").code, 450);
  assert.deepEqual(errorReply("upstream-unavailable").code, 450);
  assert.deepEqual(errorReply("upstream-mismatch").code, 451);
  assert.deepEqual(errorReply("internal").code, 451);
});

test("lines of LIST have the time of new files and the year of old ones", () => {
  const now = Date.UTC(2026, 5, 15);
  const file = { name: "a b", kind: "file", size: 5_000_000_000 } as const;
  const line = (modified: number) => listLine({ ...file, modified }, now);
  const start = "-r--r--r--    1 ftp      ftp        5000000000";
  assert.equal(line(Date.UTC(2026, 4, 3, 4, 5)), `${start} May  3 04:05 a b`);
  assert.equal(line(Date.UTC(2025, 10, 30, 4, 5)), `${start} Nov 30  2025 a b`);
  assert.equal(line(Date.UTC(2026, 5, 16)), `${start} Jun 16  2026 a b`);
  const folder = { name: "d", kind: "folder", size: 0, modified: now } as const;
  assert.equal(listLine(folder, now), "dr-xr-xr-x    1 ftp      ftp                 0 Jun 15 00:00 d");
});

test("facts are those that were asked for", () => {
  const entry = { name: "a b", kind: "file", size: 5, modified: Date.UTC(2026, 0, 2, 3, 4, 5) } as const;
  assert.equal(factsLine(entry, FACTS), "type=file;size=5;modify=20260102030405;perm=r; a b");
  assert.equal(factsLine({ ...entry, kind: "folder" }, ["type", "perm"]), "type=dir;perm=el; a b");
  assert.equal(factsLine(entry, []), " a b");
});
