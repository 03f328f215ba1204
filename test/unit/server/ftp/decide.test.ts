/** What a command comes to, without a socket. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../../../../src/base/log.ts";
import { bytesFile } from "../../../../src/content/segments.ts";
import type { Lookup } from "../../../../src/content/served-file.ts";
import { decide } from "../../../../src/server/ftp/decide.ts";
import type { FolderLookup } from "../../../../src/server/ftp/folders.ts";
import { newStanding, type Verdict } from "../../../../src/server/ftp/standing.ts";

const MODIFIED = Date.UTC(2026, 0, 2, 3, 4, 5);
const FROM = { address: "10.0.0.9", protocol: "ftp" } as const;
const FOLDER: FolderLookup = {
  kind: "folder",
  modified: MODIFIED,
  entries: async () => [
    { name: "a", kind: "file", size: 5, modified: MODIFIED },
    { name: "d", kind: "folder", size: 0, modified: MODIFIED },
  ],
};

/** A client that is logged in; `/f/a` has five bytes. Paths that it asked the resolver for are in `asked`. */
function client(trouble: Readonly<Record<string, Lookup | Error>> = {}) {
  const asked: string[] = [];
  const sources = {
    files: async (path: string): Promise<Lookup> => {
      asked.push(path);
      const known = trouble[path];
      if (known instanceof Error) throw known;
      if (known) return known;
      const file = bytesFile(Buffer.from("hello"), "text/plain", MODIFIED);
      return path === "/f/a" ? { kind: "file", file } : { kind: "absent" };
    },
    folders: async (path: string): Promise<FolderLookup> => {
      const known = trouble[path];
      if (known && !(known instanceof Error) && known.kind !== "file") return known;
      return ["/", "/f"].includes(path) ? FOLDER : { kind: "absent" };
    },
    log: silentLog,
    now: () => MODIFIED,
  };
  const standing = newStanding();
  standing.login = "done";
  const say = (text: string): Promise<Verdict> => {
    const [verb = "", ...words] = text.split(" ");
    return decide({ kind: "command", verb, argument: words.join(" ") }, standing, sources, FROM);
  };
  const code = async (text: string) => {
    const verdict = await say(text);
    return verdict.kind === "reply" ? verdict.code : verdict.kind;
  };
  const sent = async (text: string) => {
    const verdict = await say(text);
    assert.equal(verdict.kind, "send");
    const [segment] = verdict.kind === "send" ? verdict.file.segments : [];
    return segment?.kind === "bytes" ? Buffer.from(segment.bytes).toString() : "";
  };
  return { asked, standing, say, code, sent };
}

test("nothing is told before anonymous has logged in", async () => {
  const { standing, code } = client();
  standing.login = "none";
  for (const text of ["RETR /f/a", "SIZE /f/a", "CWD /f", "PASV", "LIST", "STAT /f", "MLST /f/a"]) {
    assert.equal(await code(text), 530, text);
  }
  assert.equal(await code("PASS x"), 503);
  assert.equal(await code("USER root"), 530);
  assert.equal(await code("USER Anonymous"), 331);
  assert.equal(await code("SIZE /f/a"), 530);
  assert.equal(await code("PASS"), 230);
  assert.equal(await code("SIZE /f/a"), 213);
});

test("absent, refused and broken are three answers, to each command", async () => {
  const { code } = client({
    "/refused": { kind: "refused" },
    "/away": { kind: "broken", code: "upstream-unavailable" },
    "/wrong": { kind: "broken", code: "upstream-mismatch" },
    "/bug": new Error("secret"),
  });
  for (const verb of ["SIZE", "MDTM", "LIST", "NLST", "MLST", "STAT"]) {
    const codes = await Promise.all(
      ["/absent", "/refused", "/away", "/wrong", "/bug"].map((path) => code(`${verb} ${path}`)),
    );
    assert.deepEqual(codes, [550, 550, 450, 451, 451], verb);
  }
  assert.deepEqual(
    await Promise.all(["/absent", "/refused", "/away"].map((path) => code(`CWD ${path}`))),
    [550, 550, 450],
  );
});

test("RETR tells the observer what HTTP would have answered", async () => {
  const { say } = client({ "/refused": { kind: "refused" }, "/away": { kind: "broken", code: "store-unavailable" } });
  const statuses = await Promise.all(
    ["/absent", "/refused", "/away"].map(async (path) => {
      const verdict = await say(`RETR ${path}`);
      return verdict.kind === "no-file" ? [verdict.status, verdict.reply.code] : [];
    }),
  );
  assert.deepEqual(statuses, [
    [404, 550],
    [403, 550],
    [503, 450],
  ]);
});

test("an exception's text stays here", async () => {
  const verdict = await client({ "/bug": new Error("secret") }).say("SIZE /bug");
  assert.ok(verdict.kind === "reply" && !verdict.text.includes("secret"));
});

test("SIZE, MDTM and RETR of one name mean one file, and RETR again another", async () => {
  const { asked, code, say } = client();
  assert.equal(await code("SIZE /f/a"), 213);
  assert.equal(await code("MDTM /f/a"), 213);
  assert.equal((await say("RETR /f/a")).kind, "send");
  assert.deepEqual(asked, ["/f/a"]);
  await say("RETR /f/a");
  assert.deepEqual(asked, ["/f/a", "/f/a"]);
});

test("REST is for the next transfer alone, and must be inside the file", async () => {
  const { say, code } = client();
  const offset = async (text: string) => {
    const verdict = await say(text);
    return verdict.kind === "send" ? verdict.offset : verdict.kind === "reply" ? verdict.code : undefined;
  };
  assert.equal(await code("REST 3"), 350);
  assert.equal(await code("PASV"), "passive");
  assert.equal(await offset("RETR /f/a"), 3);
  assert.equal(await offset("RETR /f/a"), 0);
  assert.equal(await code("REST 5"), 350);
  assert.equal(await offset("RETR /f/a"), 5);
  assert.equal(await code("REST 6"), 350);
  assert.equal(await offset("RETR /f/a"), 554);
  assert.equal(await offset("RETR /f/a"), 0);
  assert.equal(await code("REST 2"), 350);
  await say("LIST");
  assert.equal(await offset("RETR /f/a"), 0);
  for (const text of ["REST", "REST -1", "REST 1x", "REST 1e3", "REST 9999999999999999"]) {
    assert.equal(await code(text), 501, text);
  }
});

test("folders are walked by names", async () => {
  const { say, code, standing } = client();
  assert.equal(await code("CWD f"), 250);
  assert.equal(standing.folder, "/f");
  assert.equal(await code("SIZE a"), 213);
  assert.equal(await code("CWD a"), 550);
  assert.equal(await code("CDUP"), 250);
  assert.equal(standing.folder, "/");
  assert.equal(await code("CDUP"), 550);
  standing.folder = '/a"b';
  const pwd = await say("PWD");
  assert.ok(pwd.kind === "reply" && pwd.text.startsWith('"/a""b" '));
});

test("listings", async () => {
  const { sent, say, code } = client();
  assert.equal(await sent("NLST"), "a\r\nd\r\n");
  assert.equal(await sent("NLST -a f/"), "f/a\r\nf/d\r\n");
  assert.equal(await sent("NLST f/a"), "f/a\r\n");
  assert.equal((await sent("LIST -la /f")).split("\r\n").length, 3);
  assert.match(await sent("LIST /f/a"), /^-r--r--r-- .* 5 Jan {2}2 03:04 a\r\n$/);
  assert.equal(
    await sent("MLSD f"),
    "type=file;size=5;modify=20260102030405;perm=r; a\r\ntype=dir;size=0;modify=20260102030405;perm=el; d\r\n",
  );
  assert.equal(await code("MLSD f/a"), 501);
  assert.equal(await code("OPTS MLST size;Type;colour;"), 200);
  const facts = await say("MLST f/a");
  assert.deepEqual(facts.kind === "reply" && facts.lines, ["type=file;size=5; /f/a"]);
  assert.equal(await code("STAT f/a"), 213);
  assert.equal(await code("STAT f"), 212);
  assert.equal(await code("STAT"), "status");
});

test("a folder is not fetched as a file when it is listed", async () => {
  const { asked, sent } = client();
  await sent("LIST /f");
  assert.deepEqual(asked, []);
});

test("nothing can be written, and what is not known is said to be so", async () => {
  const { code } = client();
  for (const verb of ["STOR x", "APPE x", "STOU", "DELE /f/a", "MKD x", "RMD f", "RNFR /f/a", "RNTO x"]) {
    assert.equal(await code(verb), 550, verb);
  }
  const others = [
    "TYPE I",
    "TYPE A N",
    "TYPE E",
    "MODE S",
    "MODE B",
    "STRU F",
    "STRU R",
    "XYZZY",
    "SITE CHMOD",
    "AUTH TLS",
  ];
  assert.deepEqual(await Promise.all(others.map(code)), [200, 200, 504, 200, 504, 200, 504, 500, 500, 502]);
});

test("EPSV ALL shuts the other ways", async () => {
  const { code } = client();
  assert.deepEqual(await Promise.all(["EPSV 1", "EPSV 2", "EPSV ALL"].map(code)), ["passive", 522, 200]);
  const ways = ["PASV", "PORT 10,0,0,9,200,21", "EPRT |1|10.0.0.9|51221|", "EPSV"];
  assert.deepEqual(await Promise.all(ways.map(code)), [503, 503, 503, "passive"]);
});
