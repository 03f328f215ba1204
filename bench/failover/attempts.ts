/** What a machine asks for in each stage: the foreign program, when the fault comes, and what is right in the end. */
import { gunzipSync } from "node:zlib";
import { FILE_BYTES, INITRD, KERNEL, LATEST_SHARE, PACKAGE } from "./content.ts";
import { type Chance, pick, type Stage } from "./plan.ts";
import type { Machine } from "./rig.ts";

export interface Attempt {
  readonly client: string;
  readonly command: readonly string[];
  readonly moment: Moment;
  /** Judges what the program printed, and the file that it wrote: why that is wrong, or undefined. */
  readonly judge: (printed: string, file: Buffer) => string | undefined;
}

/** When the fault comes. */
export type Moment =
  /** When this share of the file is there. */
  | { readonly kind: "within"; readonly share: number }
  /** The client begins so many milliseconds after it, or before it. */
  | { readonly kind: "around"; readonly ms: number }
  /** So many milliseconds after the machine has its offer; its request is held up until then. */
  | { readonly kind: "offered"; readonly ms: number };

/** What the machine was told before anything broke. */
export interface Install {
  readonly machine: Machine;
  /** Its boot script, byte for byte. */
  readonly script: string;
  readonly scriptUrl: string;
  readonly kernelUrl: string;
  readonly initrdUrl: string;
  /** `http://10.77.0.1` */
  readonly server: string;
  readonly token: string;
  /** Bytes of the tree's file. */
  readonly tree: (path: string) => Buffer;
  readonly treeUrl: (path: string) => string;
  /** The answers of this host, as they follow the tree's initrd. */
  readonly answers: Buffer;
}

const RETRY = ["--retry", "30", "--retry-all-errors"];
/** A server that is gone is noticed within a second; a client that comes later meets its heir. */
const LATEST_START_MS = 600;
const EARLIEST_START_MS = -20;
const EARLIEST_SHARE = 0.05;

export function attemptOf(stage: Stage, install: Install, chance: Chance, to: string): Attempt {
  return ATTEMPTS[stage](install, chance, to);
}

const ATTEMPTS: Readonly<Record<Stage, (install: Install, chance: Chance, to: string) => Attempt>> = {
  offer: (install, chance) => lease(install, around(chance)),
  request: (install, chance) => lease(install, { kind: "offered", ms: Math.round(chance() * LATEST_START_MS) }),
  tftp: ({ server, tree, treeUrl }, chance, to) => {
    const path = new URL(treeUrl(KERNEL)).pathname.slice(1);
    const windowSize = pick(chance, [1, 4, 16]);
    const options = ["--option", "blksize 1428", "--option", `windowsize ${windowSize}`, "--tftp-timeout", "1"];
    return {
      client: `atftp, window ${windowSize}`,
      command: ["atftp", ...options, "-g", "-r", path, "-l", to, new URL(server).hostname],
      moment: within(chance),
      judge: (_, file) => compare(file, tree(KERNEL)),
    };
  },
  script: ({ scriptUrl, script }, chance, to) => ({
    client: "curl",
    command: [...whole(to), scriptUrl],
    moment: around(chance),
    judge: (_, file) => compare(anyServer(file.toString()), anyServer(script)),
  }),
  kernel: ({ kernelUrl, tree }, chance, to) => download(chance, to, kernelUrl, () => tree(KERNEL)),
  initrd: ({ initrdUrl, tree, answers }, chance, to) =>
    download(chance, to, initrdUrl, () => Buffer.concat([tree(INITRD), answers])),
  answer: ({ initrdUrl, answers }, chance, to) => ({
    client: "curl",
    command: [...whole(to), "-r", `${FILE_BYTES}-`, initrdUrl],
    moment: around(chance),
    judge: (_, file) => compare(file, answers) ?? holdsAnswers(file),
  }),
  packages: ({ tree, treeUrl }, chance, to) => download(chance, to, treeUrl(PACKAGE), () => tree(PACKAGE)),
  report: ({ server, token }, chance, to) => ({
    client: "curl",
    command: [...whole(to), "--data", "unpacking", `${server}/report/${token}/packages`],
    moment: around(chance),
    judge: (_, file) => compare(file, Buffer.from("noted\n")),
  }),
};

/** A download that resumes, by wget or curl as they come. */
export function download(chance: Chance, to: string, url: string, right: () => Buffer): Attempt {
  const client = pick(chance, ["curl", "wget"]);
  const curl = ["curl", "-sS", ...RETRY, "-C", "-", "-o", to, url];
  return {
    client,
    command: client === "curl" ? curl : ["wget", "-nv", "-c", "-O", to, url],
    moment: within(chance),
    judge: (_, file) => compare(file, right()),
  };
}

function whole(to: string): string[] {
  return ["curl", "-sS", "-f", ...RETRY, "-o", to];
}

function lease({ machine, server }: Install, moment: Moment): Attempt {
  return {
    client: "udhcpc",
    command: ["udhcpc", "-n", "-q", "-f", "-i", "lan", "-t", "20", "-T", "1", "-s", "/bin/true"],
    moment,
    judge: (printed) => {
      const [, address, from] = /lease of (\S+) obtained from (\S+),/.exec(printed) ?? [];
      if (address !== machine.address) return `its lease is ${address ?? "none"}, not ${machine.address}`;
      return from === new URL(server).hostname ? undefined : `its lease is from ${from}, not ${server}`;
    },
  };
}

function within(chance: Chance): Moment {
  return { kind: "within", share: EARLIEST_SHARE + (LATEST_SHARE - EARLIEST_SHARE) * chance() };
}

function around(chance: Chance): Moment {
  return { kind: "around", ms: Math.round(EARLIEST_START_MS + (LATEST_START_MS - EARLIEST_START_MS) * chance()) };
}

/** The script with any server in it: who asks after a server was missed is sent to another one. */
function anyServer(script: string): Buffer {
  return Buffer.from(script.replaceAll(/\b10\.77\.0\.\d+\b/g, "SERVER"));
}

function compare(found: Buffer, right: Buffer): string | undefined {
  if (found.equals(right)) return undefined;
  if (found.length < 300 && right.length < 5000) return `it has ${JSON.stringify(found.toString())}`;
  const first = right.findIndex((byte, index) => found[index] !== byte);
  const there = (bytes: Buffer) => JSON.stringify(bytes.toString("latin1", first, first + 30));
  const wrong = `the first wrong one is ${first}: ${there(found)}, not ${there(right)}`;
  return `${found.length} bytes, not ${right.length}; ${wrong}`;
}

function holdsAnswers(archive: Buffer): string | undefined {
  return gunzipSync(archive).includes("preseed.cfg") ? undefined : "there is no preseed.cfg in it";
}
