import type { Command, Io } from "./command.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { ask, hostPath, STATE_OPTION, STATE_USAGE } from "./state-option.ts";

const USAGE = `everboot install HOST... [--minutes N] [--replace] [--state DIR] [--json]
  Issues each host a one-shot permit: at its next network boot it is installed, after that it boots from its disk.
  --minutes N   how long the permit can be started (default 240)
  --replace     take back a permit that the host still has
${STATE_USAGE}`;

export const installCommand: Command = {
  name: "install",
  summary: "issue permits: these hosts are installed at their next network boot",
  usage: USAGE,
  run: async (args, io) => {
    const { values, positionals } = parseOptions(args, {
      ...STATE_OPTION,
      minutes: { type: "string" },
      replace: { type: "boolean" },
    });
    const body = {
      ...(values.minutes !== undefined && { minutes: Number(values.minutes) }),
      ...(values.replace === true && { replace: true }),
    };
    for (const host of wantPositionals(positionals, 1, Number.POSITIVE_INFINITY, USAGE)) {
      const permit = (await ask(io, values.state, "POST", hostPath(host, "/permit"), body)) as Issued;
      print(permit, values.json === true, io);
    }
    return 0;
  },
};

interface Issued {
  readonly id: string;
  readonly host: string;
  readonly expires: number;
}

function print(permit: Issued, json: boolean, io: Io): void {
  const until = new Date(permit.expires).toISOString().replace(/\.\d+Z$/, "Z");
  io.out(
    json ? JSON.stringify(permit) : `${permit.host}: permit ${permit.id}, until ${until}: boot it from the network`,
  );
}
