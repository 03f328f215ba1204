/** `./everboot bench tftp`: 64 clients that fetch a file by TFTP at once, from Everboot and from its peers. */

import { once } from "node:events";
import { createWriteStream, mkdirSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import type { Io } from "../../src/cli/command.ts";
import { random } from "../../test/support/lossy-udp.ts";
import { rigCommand } from "../rig/command.ts";
import type { Bench, Case, Round } from "../rig/types.ts";
import { contenders } from "./contenders.ts";
import type { LoadOptions, LoadReport } from "./load.ts";

const CLIENTS = 64;
/** A full Ethernet frame with an IPv4 header and the 28 bytes that some networks add to it: most firmware's size. */
const BLOCK_SIZE = 1428;
const UNIT = { rate: "MB/s", name: "MB", scale: 1e6 } as const;
/** A run is cut off after so many times the seconds that it should take. */
const PATIENCE = 2;
/** Whose bytes are compared before a server is measured; it also makes servers warm. */
const SAMPLE = { size: 300_000, clients: CLIENTS, seconds: 60 } as const;

/** @param pace bytes that each client fetches in a second of a run: about what a fast server gives it */
const SHAPES = [
  { windowSize: 1, pace: 1_300_000, peers: ["atftpd", "tftpd-hpa", "dnsmasq"] },
  { windowSize: 16, pace: 8_000_000, peers: ["atftpd"] },
  { windowSize: 64, pace: 12_000_000, peers: ["atftpd"] },
] as const;
const LOSSES = [0, 0.01] as const;

const ABOUT = `  ${CLIENTS} clients fetch the same file at once, blocks of ${BLOCK_SIZE} bytes, window 1, 16 and 64 (RFC 7440; tftpd-hpa and dnsmasq
  know none), over a clean cable and with 1 % of the DATA packets and of the acknowledgements lost. A run ends with the last
  client's file, or after ${PATIENCE} times the seconds; p50 and p99 are the clients' times for the whole file. The bytes are compared first.`;

export const tftpCommand = rigCommand<unknown>({
  name: "tftp",
  summary: "TFTP downloads beside atftpd, tftpd-hpa and dnsmasq",
  about: ABOUT,
  async prepare(folder, io) {
    await chmod(folder, 0o755);
    const files = join(folder, "files");
    mkdirSync(files);
    await writeFile(join(files, "sample"), SAMPLE.size);
    const cases = LOSSES.flatMap((loss) => SHAPES.map((shape) => caseOf(shape, loss, files, io)));
    const bench: Bench = {
      ...{ name: "tftp", cases, contenders: contenders(files, (line) => io.err(line)) },
      baseline: ["dnsmasq", "atftpd"],
    };
    return bench;
  },
});

function caseOf({ windowSize, pace, peers }: (typeof SHAPES)[number], loss: number, files: string, io: Io): Case {
  const shape = { clients: CLIENTS, blockSize: BLOCK_SIZE, windowSize, loss };
  const name = `window ${windowSize}${loss > 0 ? `, ${loss * 100} % lost` : ""}`;
  return {
    ...{ name, unit: UNIT, contenders: ["everboot", "everboot plain", ...peers] },
    async warm(_running, round) {
      const sample = { ...shape, ...SAMPLE, loss: 0, path: "sample", compare: join(files, "sample") };
      const { wrong, complete } = await runLoad(round, sample);
      if (wrong > 0 || complete < SAMPLE.clients) throw new Error(`${wrong} blocks wrong, ${complete} files whole`);
    },
    async load(_running, round, seconds) {
      const size = pace * seconds;
      const path = `w${windowSize}`;
      if (round.number === 0) await writeFile(join(files, path), size);
      const report = await runLoad(round, { ...shape, path, size, seconds: seconds * PATIENCE });
      io.err(lineOf(name, report));
      return { units: report.bytes, seconds: report.seconds, latencies: report.times.map((time) => time * 1000) };
    },
  };
}

async function runLoad({ place }: Round, options: Omit<LoadOptions, "address" | "port">): Promise<LoadReport> {
  const all = { ...options, address: place.server.address, port: 69 } satisfies LoadOptions;
  const script = join(import.meta.dirname, "load.ts");
  return JSON.parse(await place.load.exec(process.execPath, [script, JSON.stringify(all)])) as LoadReport;
}

function lineOf(name: string, { complete, times, repeated, cpu, seconds }: LoadReport): string {
  const evenness = Math.max(...times) / Math.min(...times);
  const load = Math.round((cpu / seconds) * 100);
  return `${name}: ${complete} whole, last to first ${evenness.toFixed(2)}, ${repeated} repeated, load's processor ${load} %`;
}

/** The same bytes in every run. */
async function writeFile(path: string, size: number): Promise<void> {
  const chance = random(size);
  const piece = Buffer.from(Uint8Array.from({ length: 1 << 20 }, () => chance() * 256));
  const stream = createWriteStream(path);
  for (let left = size; left > 0; left -= piece.length) {
    if (!stream.write(piece.subarray(0, Math.min(left, piece.length)))) await once(stream, "drain");
  }
  stream.end();
  await once(stream, "close");
}
