/** Many clients at once on a real kernel, on both paths of the server: every byte compared, with losses, over a small MTU. */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { LoadOptions, LoadReport } from "../../bench/tftp/load.ts";
import { Namespace, namespaceObstacle } from "../../lab/netns.ts";
import { loadBatchCalls } from "../../src/net/udp-batch.ts";
import { random } from "../support/lossy-udp.ts";

const SKIP = namespaceObstacle() ?? ((await loadBatchCalls()) ? false : "needs koffi, on 64-bit Linux");
const BENCH = join(import.meta.dirname, "../../bench/tftp");
const SIZE = 700_000;
const CLIENTS = 16;
const ADDRESS = "127.0.0.1";
const PORT = 6969;
const LISTENING = new RegExp(`:${PORT.toString(16).toUpperCase()} `);

/** A window of these takes more than a frame of the small MTU, so that the kernel refuses to cut it. */
const SHAPES = [
  { windowSize: 1, blockSize: 1428, loss: 0 },
  { windowSize: 16, blockSize: 1428, loss: 0 },
  { windowSize: 64, blockSize: 1024, loss: 0 },
  { windowSize: 1, blockSize: 1428, loss: 0.01 },
  { windowSize: 16, blockSize: 1428, loss: 0.01 },
  { windowSize: 64, blockSize: 1024, loss: 0.01 },
];

for (const plain of [false, true]) {
  for (const mtu of [1500, 1300]) {
    describe(`${plain ? "plain" : "batched"}, frames of ${mtu}`, { skip: SKIP }, () => {
      let space: Namespace;
      let folder: string;
      let server: ChildProcess;

      before(async () => {
        folder = await mkdtemp(join(tmpdir(), "everboot-tftp-many-"));
        const chance = random(3);
        await writeFile(
          join(folder, "file"),
          Uint8Array.from({ length: SIZE }, () => chance() * 256),
        );
        space = await Namespace.create("tm");
        await space.ip(`link set lo mtu ${mtu}`);
        const env = { ...process.env, EVERBOOT_PLAIN: plain ? "1" : "" };
        server = space.spawn(process.execPath, [join(BENCH, "server.ts"), folder, ADDRESS, String(PORT)], { env });
        for (let tries = 0; !LISTENING.test(await space.exec("cat", ["/proc/net/udp"])); tries++) {
          assert.ok(tries < 300 && server.exitCode === null, "the server does not listen");
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      });

      after(async () => {
        await space.remove();
        await rm(folder, { recursive: true });
      });

      for (const shape of SHAPES) {
        const name = `${CLIENTS} clients, window ${shape.windowSize}${shape.loss > 0 ? ", 1 % lost" : ""}`;
        test(name, { timeout: 120_000 }, async () => {
          const about = { address: ADDRESS, port: PORT, path: "file", size: SIZE, compare: join(folder, "file") };
          const options: LoadOptions = { ...about, ...shape, clients: CLIENTS, seconds: 100 };
          const text = await space.exec(process.execPath, [join(BENCH, "load.ts"), JSON.stringify(options)], 115_000);
          const report = JSON.parse(text) as LoadReport;
          assert.equal(report.wrong, 0);
          assert.equal(report.complete, CLIENTS);
          assert.equal(report.bytes, CLIENTS * SIZE);
        });
      }
    });
  }
}
