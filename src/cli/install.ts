import { EverbootError } from "../base/errors.ts";
import type { Command, Io } from "./command.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { ask, hostPath, STATE_OPTION, STATE_USAGE } from "./state-option.ts";

const USAGE = `everboot install HOST... | --all | --profile NAME [--minutes N] [--replace] [--state DIR] [--json]
  Issues each host a one-shot permit: at its next network boot it is installed, after that it boots from its disk.
  --all            every host of the site file
  --profile NAME   every host with this profile
  --minutes N      how long the permit can be started (default 240)
  --replace        take back a permit that the host still has
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
      all: { type: "boolean" },
      profile: { type: "string" },
    });
    const body = {
      ...(values.minutes !== undefined && { minutes: Number(values.minutes) }),
      ...(values.replace === true && { replace: true }),
    };
    const isChosen = values.all === true || values.profile !== undefined;
    const named = wantPositionals(positionals, isChosen ? 0 : 1, isChosen ? 0 : Number.POSITIVE_INFINITY, USAGE);
    for (const host of isChosen ? await chooseHosts(io, values) : named) {
      const permit = (await ask(io, values.state, "POST", hostPath(host, "/permit"), body)) as Issued;
      print(permit, values.json === true, io);
    }
    return 0;
  },
};

interface Choice {
  readonly state?: string | undefined;
  readonly profile?: string | undefined;
}

/** All hosts, or those with the profile. */
async function chooseHosts(io: Io, { state, profile }: Choice): Promise<string[]> {
  const fleet = (await ask(io, state, "GET", "/api/v1/status")) as {
    readonly hosts: ReadonlyArray<{ readonly host: string; readonly profile: string }>;
  };
  const chosen = fleet.hosts.filter((each) => profile === undefined || each.profile === profile);
  if (chosen.length > 0) return chosen.map(({ host }) => host);
  throw new EverbootError("usage", { what: `no host has profile ${profile}: see everboot status` });
}

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
