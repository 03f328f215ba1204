/** The same commands to the FTP server and to Debian's vsftpd: where they differ is told in docs/ftp.md. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FtpTalk, PACKAGE, servedTree, startFtp } from "../support/ftp.ts";
import { temporaryFolder } from "../support/http-folder.ts";
import { startVsftpd, vsftpdObstacle } from "../support/vsftpd.ts";

const skip = vsftpdObstacle() ?? false;
const FILE = `pool/main/${PACKAGE}`;

/** Our reply's code, then vsftpd's if it is another one. */
const TALK: Readonly<Record<string, readonly number[]>> = {
  SYST: [215],
  FEAT: [211],
  HELP: [214],
  NOOP: [200],
  PWD: [257],
  XPWD: [257],
  "TYPE I": [200],
  "TYPE A": [200],
  "TYPE L 8": [200],
  "TYPE E": [504, 500],
  "MODE S": [200],
  "MODE B": [504],
  "STRU F": [200],
  "STRU R": [504],
  "CWD pool": [250],
  "CWD absent": [550],
  [`CWD ${FILE}`]: [550],
  "CWD ..": [550, 250],
  CDUP: [550, 250],
  [`SIZE ${FILE}`]: [213],
  "SIZE pool": [550],
  "SIZE absent": [550],
  "SIZE ../../etc/passwd": [550],
  [`MDTM ${FILE}`]: [213],
  "MDTM pool": [550],
  "REST 5": [350],
  "REST x": [501, 350],
  [`RETR ${FILE}`]: [425],
  LIST: [425],
  "PORT 127,0,0,1,0,21": [501, 500],
  "PORT 127,0,0,2,200,21": [501, 500],
  "EPRT |1|127.0.0.2|51221|": [501, 500],
  "EPRT |2|::1|51221|": [522, 500],
  "EPSV 1": [229],
  "EPSV 2": [522],
  "EPSV ALL": [200],
  PASV: [227],
  ABOR: [225],
  STAT: [211],
  [`STAT ${FILE}`]: [213],
  "STAT pool": [212, 213],
  "STAT absent": [550, 213],
  [`MLST ${FILE}`]: [250, 500],
  "OPTS UTF8 ON": [200],
  "STOR x": [550],
  [`DELE ${FILE}`]: [550],
  "MKD x": [550],
  "RNFR pool": [550],
  "SITE HELP": [500, 550],
  "ALLO 5": [202],
  REIN: [500, 502],
  "AUTH TLS": [502, 500],
  XYZZY: [500],
  "USER root": [530],
};

const FETCH: Readonly<Record<string, ReadonlyArray<readonly number[]>>> = {
  [`RETR ${FILE}`]: [[150, 226]],
  "RETR absent": [[550]],
  "RETR pool": [[550]],
  "RETR ../../../../etc/passwd": [[550]],
  LIST: [[150, 226]],
  "LIST -la": [[150, 226]],
  "LIST absent": [[550], [150, 226]],
  NLST: [[150, 226]],
  "NLST pool": [[150, 226]],
  "NLST absent": [[550], [150, 226]],
  "NLST p*": [[550], [150, 226]],
  MLSD: [[150, 226], [500]],
};

test("replies are those of vsftpd, but for the ones that are meant to differ", { skip }, async () => {
  await using folder = await temporaryFolder();
  const { root } = await servedTree(folder);
  await using ftp = await startFtp({ root });
  await using vsftpd = await startVsftpd(folder.path, root);
  for (const [command, [own, theirs = own]] of Object.entries(TALK)) {
    assert.equal(await replyOf(ftp.port, command), own, command);
    assert.equal(await replyOf(vsftpd.port, command), theirs, `vsftpd: ${command}`);
  }
  for (const [command, [own, theirs = own]] of Object.entries(FETCH)) {
    assert.deepEqual((await fetched(ftp.port, command)).codes, own, command);
    assert.deepEqual((await fetched(vsftpd.port, command)).codes, theirs, `vsftpd: ${command}`);
  }
});

test("files, parts of them and names are those of vsftpd, byte for byte", { skip }, async () => {
  await using folder = await temporaryFolder();
  const { root, bytes } = await servedTree(folder);
  await using ftp = await startFtp({ root });
  await using vsftpd = await startVsftpd(folder.path, root);
  for (const command of [`RETR ${FILE}`, "RETR /dists/vmlinuz", "NLST", "NLST pool", "NLST dists/vmlinuz"]) {
    const [own, theirs] = [await fetched(ftp.port, command), await fetched(vsftpd.port, command)];
    assert.ok(own.bytes.length > 0 && own.bytes.equals(theirs.bytes), command);
  }
  for (const offset of [0, 1, 1500, bytes.length]) {
    const [own, theirs] = [
      await fetched(ftp.port, `RETR ${FILE}`, offset),
      await fetched(vsftpd.port, `RETR ${FILE}`, offset),
    ];
    assert.ok(own.bytes.equals(bytes.subarray(offset)), `from ${offset}`);
    assert.deepEqual(own, theirs, `from ${offset}`);
  }
  // vsftpd says that all is well, and a client believes that it has the file.
  assert.deepEqual((await fetched(ftp.port, `RETR ${FILE}`, bytes.length + 1)).codes, [554]);
  assert.deepEqual((await fetched(vsftpd.port, `RETR ${FILE}`, bytes.length + 1)).codes, [150, 226]);
});

async function replyOf(port: number, command: string): Promise<number | undefined> {
  await using talk = await FtpTalk.enter(port);
  return await talk.code(command);
}

async function fetched(port: number, command: string, offset = 0) {
  await using talk = await FtpTalk.enter(port);
  await talk.ask("TYPE I");
  if (offset > 0) await talk.ask(`REST ${offset}`);
  return await talk.fetch(command);
}
