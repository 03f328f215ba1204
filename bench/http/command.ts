/** `./everboot bench http`: how fast files are served, beside nginx and vsftpd. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { rigCommand } from "../rig/command.ts";
import type { Bench, Case, LoadResult, Round, Running, Unit } from "../rig/types.ts";
import { everboot, fetchPeers, type HttpFacts, nginx, vsftpd } from "./contenders.ts";
import { type Content, makeContent, type Wanted } from "./content.ts";
import type { LoadTask } from "./load.ts";

const ABOUT = `  Files by HTTP from everboot up, with its own sendfile and without, from nginx, and by FTP from vsftpd: a mirror's
  packages (1,500, log-normal, 1.2 MB on average) and a 700 MB image to 1, 8, 64, 256 clients, tiny files to 64. All are
  in the page cache. The client throws bodies away in the kernel. Unpacks Debian's nginx and vsftpd below .cache/.`;

const BULK: Unit = { rate: "GB/s", name: "GB", scale: 1e9 };
const REQUESTS: Unit = { rate: "requests/s", name: "request", scale: 1 };
/** Files are in the page cache since they were written: this is for what servers remember, and for JavaScript to be compiled. */
const WARM_SECONDS = 2;
const CLIENTS = [1, 8, 64, 256];

export const httpCommand = rigCommand<HttpFacts>({
  name: "http",
  summary: "GB/s and requests/s of the HTTP server beside nginx and vsftpd",
  about: ABOUT,
  prepare: async (folder, io, short) => {
    fetchPeers(io.err);
    const root = join(folder, "tree");
    mkdirSync(root);
    return httpBench(await makeContent(root, short ? 0.05 : 1));
  },
});

function httpBench(content: Content): Bench<HttpFacts> {
  const { folder, urls, image, tiny } = content;
  const bulk = (name: string, files: readonly Wanted[]) =>
    CLIENTS.map((clients) => loadCase(`${clients} x ${name}`, clients, files, BULK));
  return {
    name: "http",
    contenders: [
      everboot("everboot", folder, false),
      everboot("everboot-plain", folder, true),
      nginx("nginx", folder),
      nginx("nginx-cache", folder, "open_file_cache max=4000 inactive=60s; open_file_cache_valid 60s;"),
      vsftpd("vsftpd", folder),
    ],
    cases: [...bulk("urls", urls), ...bulk("image", image), loadCase("64 x tiny", 64, tiny, REQUESTS)],
    baseline: ["nginx"],
  };
}

function loadCase(name: string, clients: number, files: readonly Wanted[], unit: Unit): Case<HttpFacts> {
  const task = { files, count: unit === BULK ? "bytes" : "requests" } as const;
  return {
    name,
    unit,
    warm: async (running, round) => {
      await runLoad(running, round, { ...task, clients, seconds: WARM_SECONDS });
    },
    load: (running, round, seconds) => runLoad(running, round, { ...task, clients, seconds }),
  };
}

type Task = Pick<LoadTask, "files" | "clients" | "seconds" | "count">;

async function runLoad({ facts }: Running<HttpFacts>, { place }: Round, task: Task): Promise<LoadResult> {
  const program = join(import.meta.dirname, facts.protocol === "http" ? "load.ts" : "load-ftp.ts");
  const child = place.load.spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] });
  const { port, prefix } = facts;
  const whole: LoadTask = { ...task, port, prefix, address: place.server.address };
  child.stdin?.end(JSON.stringify(whole));
  const said = child.stdout ? await text(child.stdout) : "";
  return JSON.parse(said) as LoadResult;
}
