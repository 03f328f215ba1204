/** A syslog server on a free port of the loopback interface. */
import { EverbootError } from "../../src/base/errors.ts";
import { silentLog } from "../../src/base/log.ts";
import { createSyslogServer, type SyslogOptions, type SyslogServer } from "../../src/server/syslog/server.ts";

/** The port that is free for UDP may be taken for TCP: then another one is tried. */
export async function startSyslog(
  options: Partial<SyslogOptions> & Pick<SyslogOptions, "onMessage">,
  tries = 5,
): Promise<SyslogServer> {
  const server = createSyslogServer({ address: "127.0.0.1", port: 0, log: silentLog, ...options });
  try {
    await server.start();
    return server;
  } catch (error) {
    if (tries > 1 && error instanceof EverbootError && error.code === "port-in-use") {
      return startSyslog(options, tries - 1);
    }
    throw error;
  }
}
