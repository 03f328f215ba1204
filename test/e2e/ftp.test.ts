/** Foreign clients against the FTP server and against vsftpd, on loopback. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { FileResolver } from "../../src/content/served-file.ts";
import { FtpTalk, folderFiles, PACKAGE, servedTree, startFtp } from "../support/ftp.ts";
import { FTP_CLIENTS, type FtpClient, lacking, runClient, someOffsets } from "../support/ftp-clients.ts";
import { type Folder, temporaryFolder } from "../support/http-folder.ts";
import { startVsftpd, vsftpdObstacle } from "../support/vsftpd.ts";

for (const client of FTP_CLIENTS) {
  const { name, program } = client;
  test(`${name}: whole, from any offset, and what is whole already`, { skip: lacking(program) }, async () => {
    await using folder = await temporaryFolder();
    const { root, kernel } = await servedTree(folder);
    await using ftp = await startFtp({ root });
    for (const offset of [0, ...someOffsets(kernel.length, name)]) {
      assert.ok((await resume(client, ftp.url, kernel.subarray(0, offset), folder)).equals(kernel), `from ${offset}`);
      assert.equal(ftp.recorder.transfers.at(-1)?.bytes, kernel.length - offset);
    }
    assert.ok((await resume(client, ftp.url, kernel, folder)).equals(kernel));
    await assert.rejects(runClient(program, client.words(`${ftp.url}/dists/absent`, "absent"), folder.path));
  });

  test(`${name}: the same from vsftpd`, { skip: lacking(program) || vsftpdObstacle() }, async () => {
    await using folder = await temporaryFolder();
    const { root, kernel } = await servedTree(folder);
    await using vsftpd = await startVsftpd(folder.path, root);
    const url = `ftp://127.0.0.1:${vsftpd.port}`;
    for (const offset of [0, ...someOffsets(kernel.length, name), kernel.length]) {
      assert.ok((await resume(client, url, kernel.subarray(0, offset), folder)).equals(kernel), `from ${offset}`);
    }
    await assert.rejects(runClient(program, client.words(`${url}/dists/absent`, "absent"), folder.path));
  });
}

/** What the client makes of a file whose beginning it has. */
async function resume(
  { program, words }: FtpClient,
  url: string,
  beginning: Uint8Array,
  folder: Folder,
): Promise<Buffer> {
  const part = await folder.put("part", beginning);
  await runClient(program, words(`${url}/dists/vmlinuz`, part), folder.path);
  return readFile(part);
}

test("names with +, ~ and spaces, in folders", { skip: lacking("curl", "wget") }, async () => {
  await using folder = await temporaryFolder();
  const { root, bytes } = await servedTree(folder);
  await using ftp = await startFtp({ root });
  for (const name of [PACKAGE.replace(" ", "%20"), encodeURIComponent(PACKAGE)]) {
    for (const client of FTP_CLIENTS.filter(({ program }) => ["curl", "wget"].includes(program))) {
      const part = await folder.put("part", "");
      await runClient(client.program, client.words(`${ftp.url}/pool/main/${name}`, part), folder.path);
      assert.ok((await readFile(part)).equals(bytes), client.name);
    }
  }
});

const PATIENT: Readonly<Record<string, (url: string, part: string) => readonly string[]>> = {
  curl: (url, part) => ["-sS", "--retry", "5", "--retry-delay", "1", "-o", part, url],
  wget: (url, part) => ["-q", "--waitretry=1", "-O", part, url],
  lftp: (url, part) => ["-c", `set net:reconnect-interval-base 1; get ${url} -o ${part}`],
};

for (const [program, words] of Object.entries(PATIENT)) {
  test(`${program} waits out an outage`, { skip: lacking(program) }, async () => {
    await using folder = await temporaryFolder();
    const { root, kernel } = await servedTree(folder);
    const whole = folderFiles(root);
    let left = 3;
    const files: FileResolver = (path, from) => {
      left -= 1;
      return left < 0 ? whole(path, from) : Promise.resolve({ kind: "broken", code: "store-unavailable" });
    };
    await using ftp = await startFtp({ root, files });
    const part = join(folder.path, "part");
    await runClient(program, words(`${ftp.url}/dists/vmlinuz`, part), folder.path);
    assert.ok((await readFile(part)).equals(kernel));
    assert.ok(left < 0);
  });
}

const APT_HELPER = "/usr/lib/apt/apt-helper";

test("apt, where FTP is allowed to it", { skip: lacking("apt-get") }, async () => {
  await using folder = await temporaryFolder();
  const { root } = await servedTree(folder);
  await using ftp = await startFtp({ root });
  const got = join(folder.path, "got");
  const allow = ["-o", "Dir::Bin::Methods::ftp=ftp", "-o", "APT::Sandbox::User=root"];
  await runClient(APT_HELPER, [...allow, "download-file", `${ftp.url}/dists/vmlinuz`, got], folder.path);
  assert.ok((await readFile(got)).equals(await readFile(join(root, "dists/vmlinuz"))));
});

test("whole trees: lftp by MLSD, wget by LIST", { skip: lacking("lftp", "wget") }, async () => {
  await using folder = await temporaryFolder();
  const { root } = await servedTree(folder);
  await using ftp = await startFtp({ root });
  await runClient("lftp", ["-c", `open ${ftp.url}; mirror / lftp`], folder.path);
  await runClient("wget", ["-q", "-r", "-nH", "-P", "wget", `${ftp.url}/`], folder.path);
  const served = await contents(root);
  assert.equal(served.size, 3);
  assert.deepEqual(await contents(join(folder.path, "lftp")), served);
  assert.deepEqual(await contents(join(folder.path, "wget")), served);
});

async function contents(root: string): Promise<Map<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const pairs = files.map(
    async (file): Promise<[string, string]> => [file.slice(root.length), await readFile(file, "latin1")],
  );
  return new Map((await Promise.all(pairs)).sort());
}

const FIXTURES = fileURLToPath(new URL("../fixtures/ftp/", import.meta.url));

for (const file of (await readdir(FIXTURES)).sort()) {
  test(`what clients say: ${file}`, async () => {
    await using folder = await temporaryFolder();
    const { root } = await servedTree(folder);
    await using ftp = await startFtp({ root });
    await play(await readFile(join(FIXTURES, file), "utf8"), ftp.port, root);
  });
}

/** `> ` is said, `< ` the code that must be heard, `= FILE [OFFSET]` what must come on the data connection. */
async function play(script: string, port: number, root: string): Promise<void> {
  await using talk = await FtpTalk.open(port);
  let data = Promise.resolve(Buffer.alloc(0));
  // The greeting is heard by `open`.
  for (const line of script
    .trim()
    .split("\n")
    .filter((each) => !each.startsWith("#"))
    .slice(1)) {
    const rest = line.slice(2);
    if (line.startsWith("> ")) talk.say(rest);
    else if (line.startsWith("< ")) {
      const { code, lines } = await talk.reply();
      assert.equal(code, Number(rest), `${line}: ${lines[0]}`);
      const place = /\((?:\|\|\||(?:\d+,){4})(\d+)[|,](\d*)/.exec(lines[0] ?? "");
      if (code === 227 || code === 229) data = buffer(connect(portOf(place), "127.0.0.1"));
    } else {
      const [, name = "", offset = "0"] = /^(.*?)(?: (\d+))?$/.exec(rest) ?? [];
      assert.ok((await data).equals((await readFile(join(root, name))).subarray(Number(offset))), line);
    }
  }
}

/** Of a 227 reply in two numbers, of a 229 reply in one. */
function portOf(place: RegExpExecArray | null): number {
  const [, high = "", low = ""] = place ?? [];
  return low === "" ? Number(high) : Number(high) * 256 + Number(low);
}
