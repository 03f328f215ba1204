/**
 * `everboot up`, but that no script is handed out a second time on the ground that nothing can have been installed by
 * the first: machines of a schedule install in a second.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { pino } from "pino";
import { systemClock } from "../../src/base/clock.ts";
import { whileAwake } from "../../src/cli/awake.ts";
import { startDaemon } from "../../src/daemon.ts";
import { loadSite } from "../../src/site/load.ts";

const OPTIONS = {
  config: { type: "string", short: "c", default: "" },
  server: { type: "string", default: "" },
  state: { type: "string", default: "" },
} as const;

const { values } = parseArgs({ allowPositionals: true, options: OPTIONS });
const text = readFileSync(values.config, "utf8");
const loaded = loadSite(text, values.config);
if (!("site" in loaded)) throw new Error(`${values.config} has problems`);
const options = {
  file: { path: values.config, text, site: loaded.site },
  ...{ serverName: values.server, state: values.state, clock: systemClock, pid: process.pid },
  log: pino({ level: "info" }, pino.destination(2)),
  searchPath: process.env.PATH ?? "",
  handOutAgainMs: 0,
};
await whileAwake(async () => {
  const daemon = await startDaemon(options);
  process.stdout.write("ready\n");
  await once(process, "SIGTERM");
  await daemon.stop();
});
