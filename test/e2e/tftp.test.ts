/** Foreign TFTP clients against the server on the loopback interface, over a clean network and over a bad one. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import type { Ipv4 } from "../../src/base/address.ts";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { bytesFile, joinSegments } from "../../src/content/segments.ts";
import type { FileResolver } from "../../src/content/served-file.ts";
import { createTftpServer, type TftpServer } from "../../src/server/tftp/server.ts";
import { openLossyRelay, random } from "../support/lossy-udp.ts";

const run = promisify(execFile);
const LOOPBACK = "127.0.0.1";
const BAD = { loss: 0.05, duplicate: 0.05, reorder: 0.05 };
const TEXT = "one\ntwo\r\nthree\rfour\n".repeat(500);
const chance = random(1);
const CONTENT = Buffer.from(Uint8Array.from({ length: 4_000_000 }, () => chance() * 256));

let folder: string;
let server: TftpServer;

/** `/<size>`: the first bytes of a file on the disk; `/text`: a text in memory. */
const resolve: FileResolver = async (path) => {
  if (path === "/text") return { kind: "file", file: bytesFile(Buffer.from(TEXT), "text/plain", 0) };
  if (!/^\/\d+$/.test(path)) return { kind: "absent" };
  const segment = { kind: "disk", path: join(folder, "content"), offset: 0, length: Number(path.slice(1)) } as const;
  return { kind: "file", file: joinSegments([segment], { modified: 0, contentType: "", identity: "content" }) };
};

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "everboot-tftp-"));
  await writeFile(join(folder, "content"), CONTENT);
  const observer = { started: () => {}, ended: () => {}, request: () => {} };
  const address = LOOPBACK as Ipv4;
  server = createTftpServer({ address, port: 0, resolve, observer, clock: systemClock, log: silentLog });
  await server.start();
});

after(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

function obstacle(program: string, packageName: string): string | false {
  const { error } = spawnSync(program, ["--version"], { input: "" });
  return error === undefined ? false : `needs ${program} of package ${packageName}`;
}

const ATFTP = obstacle("atftp", "atftp");
const HPA = obstacle("tftp", "tftp-hpa");
const CURL = obstacle("curl", "curl");

interface Fetch {
  readonly path: string;
  readonly port: number;
  /** Where to put it. */
  readonly to: string;
}

async function atftp(options: readonly string[], { path, port, to }: Fetch): Promise<void> {
  const flags = options.flatMap((option) => ["--option", option]);
  await run("atftp", [...flags, "--tftp-timeout", "1", "-g", "-r", path, "-l", to, LOOPBACK, String(port)]);
}

async function curl(options: readonly string[], { path, port, to }: Fetch): Promise<void> {
  await run("curl", ["-sS", ...options, "-o", to, `tftp://${LOOPBACK}:${port}/${path}`]);
}

async function hpa(mode: string, { path, port, to }: Fetch): Promise<void> {
  const client = run("tftp", ["-m", mode, LOOPBACK, String(port)]);
  client.child.stdin?.end(`rexmt 1\ntimeout 60\nget ${path} ${to}\nquit\n`);
  await client;
}

async function fetched(name: string, path: string, port: number, get: (fetch: Fetch) => Promise<void>) {
  const to = join(folder, name.replaceAll(/\W/g, "-"));
  await get({ path, port, to });
  return readFile(to);
}

const BLOCK_SIZES = [8, 512, 1428, 65464];
const WINDOWS = [1, 16, 64];

describe("a clean network", { concurrency: 4 }, () => {
  for (const blockSize of BLOCK_SIZES) {
    const size = Math.min(blockSize * 300 + 5, CONTENT.length);
    const whole = CONTENT.subarray(0, size);
    for (const windowSize of WINDOWS) {
      const name = `atftp, blocks of ${blockSize}, window ${windowSize}`;
      test(name, { skip: ATFTP }, async () => {
        const options = [`blksize ${blockSize}`, `windowsize ${windowSize}`, "tsize enable"];
        const got = await fetched(name, String(size), server.port, (fetch) => atftp(options, fetch));
        assert.ok(got.equals(whole));
      });
    }
    const name = `curl, blocks of ${blockSize}`;
    test(name, { skip: CURL }, async () => {
      const options = ["--tftp-blksize", String(blockSize)];
      assert.ok((await fetched(name, String(size), server.port, (fetch) => curl(options, fetch))).equals(whole));
    });
  }

  for (const size of [0, 1, 511, 512, 513, 1024, 100_000]) {
    const name = `tftp-hpa, ${size} bytes`;
    test(name, { skip: HPA }, async () => {
      const got = await fetched(name, String(size), server.port, (fetch) => hpa("octet", fetch));
      assert.ok(got.equals(CONTENT.subarray(0, size)));
    });
  }

  test("tftp-hpa, netascii", { skip: HPA }, async () => {
    const got = await fetched("netascii", "text", server.port, (fetch) => hpa("netascii", fetch));
    assert.equal(got.toString(), TEXT);
  });

  for (const windowSize of WINDOWS) {
    const name = `atftp, more than 65535 blocks, window ${windowSize}`;
    test(name, { skip: ATFTP }, async () => {
      const options = ["blksize 8", `windowsize ${windowSize}`];
      const got = await fetched(name, "600000", server.port, (fetch) => atftp(options, fetch));
      assert.ok(got.equals(CONTENT.subarray(0, 600_000)));
    });
  }

  test("curl tells that a file is absent", { skip: CURL }, async () => {
    const absent = fetched("absent", "absent", server.port, (fetch) => curl([], fetch));
    await assert.rejects(absent, { code: 68 }); // CURLE_TFTP_NOTFOUND
  });
});

describe("5 % of packets lost, doubled and reordered", { concurrency: 8 }, () => {
  const overBadNetwork = (name: string, blocks: number, blockSize: number, get: (fetch: Fetch) => Promise<void>) =>
    test(name, { skip: name.startsWith("atftp") ? ATFTP : HPA }, async () => {
      const target = { address: LOOPBACK, port: server.port };
      const relay = await openLossyRelay({ target, address: LOOPBACK, ...BAD, seed: blockSize + blocks });
      const size = blocks * blockSize + 5;
      const got = await fetched(`bad ${name}`, String(size), relay.port, get);
      await relay.close();
      assert.ok(got.equals(CONTENT.subarray(0, size)));
      const { lost, doubled, held } = relay.fates;
      assert.ok(lost + doubled + held > 0, "the network was bad");
    });

  for (const blockSize of BLOCK_SIZES) {
    for (const windowSize of WINDOWS) {
      const blocks = blockSize > 60_000 ? 60 : windowSize === 1 ? 150 : 600;
      const options = [`blksize ${blockSize}`, `windowsize ${windowSize}`];
      const name = `atftp, blocks of ${blockSize}, window ${windowSize}`;
      overBadNetwork(name, blocks, blockSize, (fetch) => atftp(options, fetch));
    }
  }
  overBadNetwork("tftp-hpa", 150, 512, (fetch) => hpa("octet", fetch));
});
