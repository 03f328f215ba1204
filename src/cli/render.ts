import type { Command } from "./command.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { ask, hostPath, STATE_OPTION, STATE_USAGE } from "./state-option.ts";

const USAGE = `everboot render HOST [--state DIR] [--json]
  The host's answer file as its installer would get it.
${STATE_USAGE}`;

export const renderCommand: Command = {
  name: "render",
  summary: "a host's answer file, as it would be served",
  usage: USAGE,
  run: async (args, io) => {
    const { values, positionals } = parseOptions(args, STATE_OPTION);
    const [host = ""] = wantPositionals(positionals, 1, 1, USAGE);
    const answer = (await ask(io, values.state, "GET", hostPath(host, "/answer"))) as { readonly text: string };
    io.out(values.json ? JSON.stringify(answer) : answer.text.trimEnd());
    return 0;
  },
};
