/** `everboot cluster`: what makes servers of several machines one site. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { EverbootError } from "../base/errors.ts";
import { createSiteKey } from "../server/peers/site-key.ts";
import type { Command } from "./command.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { stateFolder } from "./state-option.ts";

const USAGE = `everboot cluster init [--state DIR]
  Makes the secret that the servers of a site share: cluster.key in the state folder. Copy it to the state folder of every
  other server, readable by root alone.
  --state DIR   the daemon's state folder (default /var/lib/everboot as root, else below ~/.local/state)`;

export const clusterCommand: Command = {
  name: "cluster",
  summary: "the secret that the servers of a site share",
  usage: USAGE,
  run: async (args, io) => {
    const { values, positionals } = parseOptions(args, { state: { type: "string" } });
    const [action] = wantPositionals(positionals, 1, 1, USAGE);
    if (action !== "init") throw new EverbootError("usage", { what: `everboot cluster knows init, not ${action}` });
    const folder = stateFolder(values.state, io);
    mkdirSync(folder, { recursive: true });
    await createSiteKey(folder);
    io.out(`made ${join(folder, "cluster.key")}: copy it to the state folder of every other server of the site`);
    return 0;
  },
};
