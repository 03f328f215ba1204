/** The FTP server is killed in mid-file, and another one takes its place at the same address and port. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, stat, watch } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { servedTree } from "../support/ftp.ts";
import { lacking, runClient, someOffsets } from "../support/ftp-clients.ts";
import { temporaryFolder, testBytes } from "../support/http-folder.ts";

const SERVER = fileURLToPath(new URL("ftp-server.ts", import.meta.url));
/** Far more than clients take in one breath before they mind their rate, and both kernels' buffers hold. */
const SIZE = 32 << 20;
/** In bytes a second: slow enough for the server to die in mid-file. */
const RATE = 12 << 20;

interface Client {
  readonly words: (url: string, part: string) => readonly string[];
  /** By itself; else it is called again, as a script would. */
  readonly goesOn: boolean;
}

const CLIENTS: Readonly<Record<string, Client>> = {
  curl: {
    goesOn: true,
    words: (url, part) => {
      const again = ["--retry", "30", "--retry-all-errors", "-C", "-"];
      return ["-sS", ...again, "--limit-rate", String(RATE), "-o", part, url];
    },
  },
  wget: {
    goesOn: true,
    words: (url, part) => ["-q", "--retry-connrefused", "--waitretry=1", `--limit-rate=${RATE}`, "-O", part, url],
  },
  // 4.9.2 gives up when the control connection ends in mid-file, of vsftpd too, unless its debugging is on.
  lftp: { goesOn: false, words: (url, part) => ["-c", `set net:limit-rate ${RATE}; get -c ${url} -o ${part}`] },
};

for (const [program, { words, goesOn }] of Object.entries(CLIENTS)) {
  test(`${program} goes on at the heir, whenever the server is killed`, { skip: lacking(program) }, async () => {
    await using folder = await temporaryFolder();
    const { root } = await servedTree(folder);
    const bytes = testBytes(SIZE);
    await folder.put("www/image", bytes);
    for (const [round, moment] of someOffsets(SIZE / 2, program).entries()) {
      await using first = await startServer(root, 0);
      const part = join(folder.path, `part${round}`);
      const grown = growth(folder.path, `part${round}`, moment);
      const fetch = () => runClient(program, words(`${first.url}/image`, part), folder.path);
      const done = goesOn ? fetch() : assert.rejects(fetch());
      await Promise.race([grown, done]);
      await first.kill();
      const had = (await stat(part)).size;
      assert.ok(had < SIZE, "the server died in mid-file");
      await using _heir = await startServer(root, Number(new URL(first.url).port));
      await done;
      if (!goesOn) await fetch();
      assert.ok((await readFile(part)).equals(bytes), `killed after ${had} bytes`);
    }
  });
}

interface ServerProcess extends AsyncDisposable {
  readonly url: string;
  kill(): Promise<void>;
}

async function startServer(root: string, port: number): Promise<ServerProcess> {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", SERVER, root, String(port)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const kill = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  const [line] = await once(child.stdout, "data");
  return { url: String(line).trim(), kill, [Symbol.asyncDispose]: kill };
}

/** Resolves when the file has at least `size` bytes. */
async function growth(folder: string, name: string, size: number): Promise<void> {
  for await (const { filename } of watch(folder)) {
    if (filename === name && (await stat(join(folder, name))).size >= size) return;
  }
}
