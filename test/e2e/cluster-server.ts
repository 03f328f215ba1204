/** The daemon as `everboot up` runs it, with keepalived from where it is unpacked. Prints `ready`; ends by a signal. */
import { readFileSync } from "node:fs";
import { pino } from "pino";
import { systemClock } from "../../src/base/clock.ts";
import { startDaemon } from "../../src/daemon.ts";
import { siteOf } from "../support/sites.ts";

const [siteFile = "", serverName = "", state = "", keepalived = ""] = process.argv.slice(2);
const daemon = await startDaemon({
  site: siteOf(readFileSync(siteFile, "utf8")),
  ...{ serverName, state, keepalived, clock: systemClock, pid: process.pid },
  log: pino({ level: "info" }, pino.destination(2)),
});
process.stdout.write("ready\n");
process.once("SIGTERM", () => void daemon.stop().then(() => process.exit(0)));
