import process from "node:process";
import { pino } from "pino";
import { systemClock } from "../base/clock.ts";
import { errorForLog } from "../base/log.ts";
import { startDaemon } from "../daemon.ts";
import type { Command, Io } from "./command.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { requireSite } from "./site-file.ts";
import { stateFolder } from "./state-option.ts";

const USAGE = `everboot up [-c site.yaml] [--server NAME] [--state DIR] [--log-level debug|info|warn|error]
  The daemon: serves until it gets SIGTERM or Ctrl-C. Prints one line on standard output when all its sockets listen;
  log lines (JSON) go to standard error.
  -c, --config FILE   the site file (default site.yaml, then everboot.yaml, /etc/everboot/site.yaml): served until one is
                      applied with \`everboot apply\`; then it says which site this is, and where its state is
  --server NAME       which of the site's servers this is (default: the one whose address this machine has)
  --state DIR         the state folder (default /var/lib/everboot as root, else below ~/.local/state)`;

const LEVELS = ["debug", "info", "warn", "error"];
/** By the fields' names. */
const LOG_SERIALIZERS = { cause: errorForLog, error: errorForLog };

export const upCommand: Command = {
  name: "up",
  summary: "the daemon: DHCP, TFTP, HTTP, syslog for this site",
  usage: USAGE,
  run: async (args, io) => {
    const { values, positionals } = parseOptions(args, {
      config: { type: "string", short: "c" },
      server: { type: "string" },
      state: { type: "string" },
      "log-level": { type: "string", default: "info" },
    });
    wantPositionals(positionals, 0, 0, USAGE);
    const file = await requireSite(values.config, io);
    const level = LEVELS.includes(values["log-level"]) ? values["log-level"] : "info";
    const daemon = await startDaemon({
      file,
      ...(values.server !== undefined && { serverName: values.server }),
      state: stateFolder(values.state, io),
      clock: systemClock,
      log: pino({ level, serializers: LOG_SERIALIZERS }, pino.destination(2)),
      pid: process.pid,
      searchPath: io.env.PATH ?? "",
    });
    io.out(`ready: server ${daemon.server} of site ${file.site.name} on ${daemon.addresses.join(", ")}`);
    void daemon.firstToken.then((made) => {
      if (made) io.out(`first token of the site, role admin, shown this once: ${made.secret}`);
    });
    await Promise.race([untilAborted(io), daemon.ended]);
    await daemon.stop();
    return 0;
  },
};

function untilAborted(io: Io): Promise<void> {
  if (io.signal.aborted) return Promise.resolve();
  return new Promise((resolve) => io.signal.addEventListener("abort", () => resolve(), { once: true }));
}
