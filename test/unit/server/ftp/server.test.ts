/** The FTP server over real loopback sockets: transfers, who may have them, limits, the end. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { truncate } from "node:fs/promises";
import { connect } from "node:net";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import type { FileResolver } from "../../../../src/content/served-file.ts";
import { createFakeClock } from "../../../support/fake-clock.ts";
import { awaitData, FtpTalk, startFtp } from "../../../support/ftp.ts";
import { LARGE, temporaryFolder, testBytes } from "../../../support/http-folder.ts";

/** A folder with `file` of 300,000 bytes and `image`, which no socket can hold. */
async function servedFolder() {
  const folder = await temporaryFolder();
  const bytes = testBytes(300_000);
  await folder.put("file", bytes);
  await truncate(await folder.put("image", ""), LARGE);
  return { ...folder, bytes, [Symbol.asyncDispose]: folder[Symbol.asyncDispose] };
}

test("passive and active, from any offset", async () => {
  await using folder = await servedFolder();
  await using ftp = await startFtp({ root: folder.path });
  await using talk = await FtpTalk.enter(ftp.port);
  for (const offset of [0, 1, 299_999, 300_000]) {
    await talk.ask(`REST ${offset}`);
    const { bytes, codes } = await talk.fetch("RETR file");
    assert.deepEqual(codes, [150, 226]);
    assert.ok(bytes.equals(folder.bytes.subarray(offset)));
    await using data = await awaitData();
    const [high, low] = [data.port >> 8, data.port & 255];
    assert.equal(
      await talk.code(offset % 2 ? `PORT 127,0,0,1,${high},${low}` : `EPRT |1|127.0.0.1|${data.port}|`),
      200,
    );
    await talk.ask(`REST ${offset}`);
    talk.say("RETR file");
    assert.ok((await buffer(await data.socket)).equals(folder.bytes.subarray(offset)));
    assert.deepEqual([(await talk.reply()).code, (await talk.reply()).code], [150, 226]);
  }
  const { transfers } = ftp.recorder;
  assert.deepEqual(
    transfers.map(({ status, complete, bytes }) => [status, complete, bytes]),
    [0, 0, 1, 1, 299_999, 299_999, 300_000, 300_000].map((offset) => [offset ? 206 : 200, true, 300_000 - offset]),
  );
  assert.deepEqual(
    new Set(transfers.map(({ path, client, protocol }) => `${protocol} ${client} ${path}`)),
    new Set(["ftp 127.0.0.1 /file"]),
  );
  const { bytes, requests, connections, "under-way": underWay } = ftp.server.counters();
  assert.deepEqual([bytes, requests, connections, underWay], [1_200_000, 8, 1, 0]);
});

test("without a data connection there is no transfer, and each is for one", async () => {
  await using folder = await servedFolder();
  await using ftp = await startFtp({ root: folder.path });
  await using talk = await FtpTalk.enter(ftp.port);
  assert.equal(await talk.code("RETR file"), 425);
  assert.deepEqual((await talk.fetch("RETR file")).codes, [150, 226]);
  assert.equal(await talk.code("RETR file"), 425);
  const unused = await talk.passive();
  assert.equal(await talk.code("RETR absent"), 550);
  await once(unused.resume(), "close");
  assert.equal(await talk.code("RETR file"), 425);
});

test("commands sent ahead are answered in order, after the transfer", async () => {
  await using folder = await servedFolder();
  await using ftp = await startFtp({ root: folder.path });
  await using talk = await FtpTalk.enter(ftp.port);
  const data = await talk.passive();
  talk.socket.write(["RETR file", "SIZE file", "NOOP", ...Array(100).fill("SYST"), "QUIT", ""].join("\r\n"));
  const got = buffer(data);
  const codes: unknown[] = [];
  for (let code = (await talk.reply()).code; code !== undefined; code = (await talk.reply()).code) codes.push(code);
  assert.deepEqual(codes, [150, 226, 213, 200, ...Array(100).fill(215), 221]);
  assert.ok((await got).equals(folder.bytes));
});

test("STAT and ABOR reach into a transfer", async () => {
  await using folder = await servedFolder();
  await using ftp = await startFtp({ root: folder.path });
  await using talk = await FtpTalk.enter(ftp.port);
  assert.equal(await talk.code("ABOR"), 225);
  const data = await talk.passive();
  assert.equal(await talk.code("RETR image"), 150);
  assert.match((await talk.ask("STAT")).lines[1] ?? "", /^ \d+ bytes are sent/);
  talk.socket.write(Buffer.from([0xff, 0xf4, 0xff, 0xf2]));
  assert.equal(await talk.code("ABOR"), 426);
  assert.equal((await talk.reply()).code, 226);
  await once(data.resume(), "close");
  assert.deepEqual((await talk.fetch("RETR file")).codes, [150, 226]);
  const [first] = ftp.recorder.transfers;
  assert.equal(first?.complete, false);
  assert.equal(ftp.server.counters()["drop.aborted"], 1);
});

test("a client that closes its data connection hears so, one that closes all is forgotten", async () => {
  await using folder = await servedFolder();
  await using ftp = await startFtp({ root: folder.path });
  await using talk = await FtpTalk.enter(ftp.port);
  const data = await talk.passive();
  assert.equal(await talk.code("RETR image"), 150);
  data.destroy();
  assert.equal((await talk.reply()).code, 426);
  await talk.passive();
  assert.equal(await talk.code("RETR image"), 150);
  talk.socket.resetAndDestroy();
  await ftp.recorder.next(() => ftp.recorder.transfers.length === 2);
  assert.equal(ftp.server.counters()["drop.client-gone"], 2);
  assert.equal(ftp.recorder.open(), 0);
});

test("data goes to the client's own address alone", async () => {
  await using folder = await servedFolder();
  await using ftp = await startFtp({ root: folder.path });
  await using talk = await FtpTalk.enter(ftp.port);
  const foreign = [
    "PORT 127,0,0,2,200,21",
    "EPRT |1|127.0.0.2|51221|",
    "PORT 127,0,0,1,0,25",
    "EPRT |1|127.0.0.1|1023|",
  ];
  for (const text of foreign) assert.equal(await talk.code(text), 501, text);
  assert.equal(await talk.code("RETR file"), 425);
  const { lines } = await talk.ask("EPSV");
  const port = Number(/\|(\d+)\|/.exec(lines[0] ?? "")?.[1]);
  const stranger = connect({ port, host: "127.0.0.1", localAddress: "127.0.0.2" });
  stranger.on("error", () => undefined);
  await once(stranger, "close");
  const own = connect(port, "127.0.0.1");
  assert.equal(await talk.code("RETR file"), 150);
  assert.ok((await buffer(own)).equals(folder.bytes));
  const { "drop.bounce": bounce, "drop.stranger": strangers } = ftp.server.counters();
  assert.deepEqual([bounce, strangers], [4, 1]);
});

test("a data connection that does not come is waited for, and then no more", async () => {
  await using folder = await servedFolder();
  const clock = createFakeClock();
  const asked = Promise.withResolvers<void>();
  const files: FileResolver = async () => {
    setImmediate(asked.resolve);
    return { kind: "file", file: { size: 0, modified: 0, etag: '""', contentType: "", segments: [] } };
  };
  await using ftp = await startFtp({ root: folder.path, files, clock, limits: { patience: 1000 } });
  await using talk = await FtpTalk.enter(ftp.port);
  await talk.ask("EPSV");
  talk.say("RETR file");
  await asked.promise;
  clock.advance(1000);
  assert.equal((await talk.reply()).code, 425);
  assert.equal(await talk.code("NOOP"), 200);
});

test("who says nothing, or takes nothing, for too long loses the connection", async () => {
  await using folder = await servedFolder();
  const clock = createFakeClock();
  await using ftp = await startFtp({ root: folder.path, clock, limits: { quiet: 1000 } });
  await using idle = await FtpTalk.enter(ftp.port);
  clock.advance(999);
  assert.equal(await idle.code("NOOP"), 200);
  clock.advance(1000);
  assert.equal((await idle.reply()).code, 421);
  assert.equal((await idle.reply()).code, undefined);
  await using stalled = await FtpTalk.enter(ftp.port);
  await stalled.passive();
  assert.equal(await stalled.code("RETR image"), 150);
  const ended = ftp.recorder.next(() => true);
  // Bytes that the sockets still take put the end off.
  while (ftp.recorder.transfers.length === 0) {
    clock.advance(1000);
    await new Promise(setImmediate);
  }
  assert.equal((await ended).complete, false);
  assert.equal(ftp.server.counters()["drop.quiet"], 2);
});

test("connections are limited, those of one client too", async () => {
  await using folder = await servedFolder();
  await using ftp = await startFtp({ root: folder.path, limits: { connections: 2, perClient: 1 } });
  const greeting = async (localAddress: string) => {
    const socket = connect({ port: ftp.port, host: "127.0.0.1", localAddress });
    const [text] = await once(socket, "data");
    return { socket, code: String(text).slice(0, 3) };
  };
  const [first, second, third, fourth] = [
    await greeting("127.0.0.1"),
    await greeting("127.0.0.1"),
    await greeting("127.0.0.2"),
    await greeting("127.0.0.3"),
  ];
  assert.deepEqual([first.code, second.code, third.code, fourth.code], ["220", "421", "220", "421"]);
  for (const { socket } of [first, second, third, fourth]) socket.destroy();
  const { "drop.too-many-connections": inAll, "drop.too-many-of-client": ofClient } = ftp.server.counters();
  assert.deepEqual([inAll, ofClient], [1, 1]);
});

test("a line without an end is answered once, and ends the connection", async () => {
  await using folder = await servedFolder();
  await using ftp = await startFtp({ root: folder.path });
  await using talk = await FtpTalk.open(ftp.port);
  talk.socket.write("x".repeat(5000));
  assert.equal((await talk.reply()).code, 500);
  assert.equal((await talk.reply()).code, undefined);
});

test("a file that cannot be opened, or becomes shorter, is an outage", async () => {
  await using folder = await servedFolder();
  const found =
    (path: string, length: number): FileResolver =>
    async () => ({
      kind: "file",
      file: {
        size: length,
        modified: 0,
        etag: '""',
        contentType: "",
        segments: [{ kind: "disk", path, offset: 0, length }],
      },
    });
  await using gone = await startFtp({ root: folder.path, files: found(`${folder.path}/gone`, 5) });
  await using talk = await FtpTalk.enter(gone.port);
  assert.deepEqual((await talk.fetch("RETR x")).codes, [450]);
  assert.equal(gone.server.counters()["drop.unreadable"], 1);
  assert.equal(gone.recorder.transfers[0]?.status, 503);
  await using shorter = await startFtp({ root: folder.path, files: found(`${folder.path}/image`, LARGE + 5) });
  await using other = await FtpTalk.enter(shorter.port);
  const data = await other.passive();
  assert.equal(await other.code("RETR x"), 150);
  await assert.rejects(buffer(data), { code: "ECONNRESET" });
  assert.equal((await other.reply()).code, 451);
  assert.equal(shorter.server.counters()["drop.cut"], 1);
});

test("stop ends idle connections with a word, and lets transfers end", async () => {
  await using folder = await servedFolder();
  await using ftp = await startFtp({ root: folder.path });
  await using idle = await FtpTalk.enter(ftp.port);
  await using busy = await FtpTalk.enter(ftp.port);
  const data = await busy.passive();
  assert.equal(await busy.code("RETR image"), 150);
  const stopped = ftp.server.stop();
  assert.equal((await idle.reply()).code, 421);
  assert.equal((await buffer(data)).length, LARGE);
  assert.deepEqual([(await busy.reply()).code, (await busy.reply()).code], [226, 421]);
  await stopped;
  await ftp.server.stop();
});

test("stop does not wait for a transfer for ever", async () => {
  await using folder = await servedFolder();
  const clock = createFakeClock();
  await using ftp = await startFtp({ root: folder.path, clock, limits: { grace: 1000 } });
  await using talk = await FtpTalk.enter(ftp.port);
  await talk.passive();
  assert.equal(await talk.code("RETR image"), 150);
  const stopped = ftp.server.stop();
  clock.advance(1000);
  await stopped;
  assert.equal(ftp.recorder.transfers[0]?.complete, false);
});

test("a port in use is told as such", async () => {
  await using folder = await servedFolder();
  await using ftp = await startFtp({ root: folder.path });
  await assert.rejects(startFtp({ root: folder.path, port: ftp.port }), { code: "port-in-use" });
});
