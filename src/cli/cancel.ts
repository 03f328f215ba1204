import type { Command } from "./command.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { ask, hostPath, STATE_OPTION, STATE_USAGE } from "./state-option.ts";

const USAGE = `everboot cancel HOST... [--state DIR] [--json]
  Takes back the permits of these hosts: they boot from their disks.
${STATE_USAGE}`;

export const cancelCommand: Command = {
  name: "cancel",
  summary: "take permits back",
  usage: USAGE,
  run: async (args, io) => {
    const { values, positionals } = parseOptions(args, STATE_OPTION);
    for (const host of wantPositionals(positionals, 1, Number.POSITIVE_INFINITY, USAGE)) {
      const permit = (await ask(io, values.state, "DELETE", hostPath(host, "/permit"))) as { readonly id: string };
      io.out(values.json ? JSON.stringify(permit) : `${host}: permit ${permit.id} taken back`);
    }
    return 0;
  },
};
